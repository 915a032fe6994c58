use std::collections::BTreeSet;

use super::{Values, attribute, metric, span, type_name_of};

/// By the conventions of OpenTelemetry: lower case, parts divided by points.
fn is_name(name: &str) -> bool {
    name.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

#[test]
fn names_are_well_formed_and_unique() {
    let names: Vec<&str> = attribute::ALL.iter().map(|attribute| attribute.name).collect();
    assert!(names.iter().all(|name| is_name(name)), "{names:?}");
    assert_eq!(BTreeSet::from_iter(&names).len(), names.len());
    let names: Vec<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
    assert!(names.iter().all(|name| is_name(name)), "{names:?}");
    assert_eq!(BTreeSet::from_iter(&names).len(), names.len());
    let names: BTreeSet<&str> = span::ALL.iter().map(|span| span.name).collect();
    assert_eq!(names.len(), span::ALL.len());
}

/// Ids on metrics make a series for each of them, which no backend survives.
#[test]
fn nothing_with_many_values_is_on_a_metric() {
    for metric in metric::ALL {
        for attribute in metric.attributes {
            assert_ne!(attribute.values, Values::Many, "{} on {}", attribute.name, metric.name);
        }
    }
}

#[test]
fn all_attributes_are_used() {
    let of_spans = span::ALL.iter().flat_map(|span| span.attributes);
    let of_metrics = metric::ALL.iter().flat_map(|metric| metric.attributes);
    let used: BTreeSet<&str> = of_spans.chain(of_metrics).map(|used| used.name).collect();
    let declared: BTreeSet<&str> = attribute::ALL.iter().map(|declared| declared.name).collect();
    assert_eq!(used, declared);
}

#[test]
fn buckets_of_histograms_rise() {
    for metric in metric::ALL {
        if let metric::Kind::Histogram(buckets) = metric.kind {
            assert!(buckets.is_sorted_by(|one, next| one < next), "{}", metric.name);
        }
    }
}

#[test]
fn durations_are_told_apart_from_50_microseconds_to_10_seconds() {
    for metric in metric::ALL {
        if let (metric::Kind::Histogram(buckets), "s") = (metric.kind, metric.unit) {
            let ends = (buckets.first(), buckets.last());
            assert_eq!(ends, (Some(&0.000_05), Some(&10.0)), "{}", metric.name);
        }
    }
}

/// Both are units of UCUM, where words in braces stand for what is counted.
#[test]
fn what_is_not_measured_in_seconds_is_counted_in_things() {
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    for metric in metric::ALL {
        let thing = metric.unit.strip_prefix('{').and_then(|unit| unit.strip_suffix('}'));
        assert!(metric.unit == "s" || thing.is_some_and(is_word), "{metric:?}");
    }
}

#[test]
fn a_type_goes_by_its_last_name() {
    assert_eq!(type_name_of::<std::collections::BTreeMap<String, std::io::Error>>(), "BTreeMap");
    assert_eq!(type_name_of::<u8>(), "u8");
}

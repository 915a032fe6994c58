//! Whether what was received is as the catalogue has it.

use annals::telemetry::{Kind, Metric, Span, attribute as name, metric, span};

use crate::collector::{Collector, ReceivedSpan, attribute};

/// Spans and metrics have names, kinds, attributes, units and buckets of the catalogue, and no
/// others. The collector has ended, so that nothing is there in parts.
#[track_caller]
pub(super) fn assert_all_is_documented(collector: &Collector) {
    for received in collector.spans() {
        let declared = declared(&received);
        let kind = format!("SPAN_KIND_{}", declared.role.as_str().to_uppercase());
        assert_eq!(received.kind, kind, "{received:?}");
        for name in received.attributes.keys() {
            let is_there = declared.attributes.iter().any(|attribute| attribute.name == name);
            assert!(is_there, "{name} on {}", received.name);
        }
    }
    for received in collector.metrics() {
        let declared = metric(&received.name);
        let (data_type, is_monotonic) = match declared.kind {
            Kind::Counter => ("Sum", "true"),
            Kind::Gauge => ("Gauge", ""),
            Kind::Histogram(_) => ("Histogram", ""),
        };
        let found = (&*received.unit, &*received.data_type, &*received.is_monotonic);
        assert_eq!(found, (declared.unit, data_type, is_monotonic), "{}", received.name);
    }
    for point in collector.points() {
        let declared = metric(&point.metric);
        let bounds = if let Kind::Histogram(bounds) = declared.kind { bounds } else { &[] };
        assert_eq!(point.bounds, bounds, "{}", point.metric);
        for name in point.attributes.keys() {
            let is_there = declared.attributes.iter().any(|attribute| attribute.name == name);
            assert!(is_there, "{name} on {}", point.metric);
        }
    }
}

/// What the catalogue says of a span: by its name, which may have more behind a space.
#[track_caller]
pub(super) fn declared(received: &ReceivedSpan) -> &'static Span {
    let is_it = |declared: &&Span| {
        let name = if **declared == span::REQUEST { method(received) } else { declared.name };
        received
            .name
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    span::ALL.iter().find(is_it).unwrap_or_else(|| panic!("{received:?}"))
}

/// What the name of a request begins with.
fn method(received: &ReceivedSpan) -> &str {
    match attribute(&received.attributes, name::HTTP_METHOD.name) {
        Some("_OTHER") => "HTTP",
        Some(usual) => usual,
        None => span::REQUEST.name,
    }
}

#[track_caller]
fn metric(name: &str) -> &'static Metric {
    metric::ALL.iter().find(|declared| declared.name == name).unwrap_or_else(|| panic!("{name}"))
}

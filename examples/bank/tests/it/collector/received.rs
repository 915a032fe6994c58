//! What a collector has received, as far as it prints it.

use std::collections::{BTreeMap, BTreeSet};

use annals::telemetry::Metric;

/// Attributes as they are printed: `Str(text)`, `Int(1)`.
pub(crate) type Attributes = BTreeMap<String, String>;

/// A span as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReceivedSpan {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) tracestate: String,
    pub(crate) status: String,
    pub(crate) attributes: Attributes,
    /// Traces and spans.
    pub(crate) links: Vec<(String, String)>,
}

/// A metric as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReceivedMetric {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// `Sum`, `Gauge` or `Histogram`.
    pub(crate) data_type: String,
    /// Of a sum `true` if it only grows.
    pub(crate) is_monotonic: String,
}

/// One of the series of a metric as it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReceivedPoint {
    pub(crate) metric: String,
    pub(crate) attributes: Attributes,
    /// Of counters and gauges; of histograms how much was measured.
    pub(crate) value: f64,
    /// Where the buckets of a histogram end.
    pub(crate) bounds: Vec<f64>,
}

/// A log record as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReceivedRecord {
    pub(crate) body: String,
    pub(crate) severity: String,
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) attributes: Attributes,
}

impl ReceivedPoint {
    /// Whether it is of `metric` and has these among its attributes.
    pub(crate) fn is_of(&self, metric: &Metric, attributes: &[(&str, &str)]) -> bool {
        let is_there = |(name, value): &(&str, &str)| {
            attribute(&self.attributes, name).is_some_and(|found| found == *value)
        };
        self.metric == metric.name && attributes.iter().all(is_there)
    }
}

/// The text of an attribute.
pub(crate) fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let value = attributes.get(name)?;
    Some(value.strip_prefix("Str(").and_then(|text| text.strip_suffix(')')).unwrap_or(value))
}

pub(super) fn spans(printed: &str) -> Vec<ReceivedSpan> {
    let mut spans: Vec<ReceivedSpan> = Vec::new();
    for section in sections(printed) {
        match (section.title, spans.last_mut()) {
            ("Span", _) => spans.push(ReceivedSpan {
                name: section.field("Name"),
                kind: section.field("Kind"),
                trace: section.field("Trace ID"),
                id: section.field("ID"),
                parent: section.field("Parent ID"),
                tracestate: section.field("TraceState"),
                status: section.field("Status code"),
                attributes: section.items(),
                links: Vec::new(),
            }),
            ("SpanLink", Some(span)) => {
                span.links.push((section.item("Trace ID"), section.item("ID")));
            }
            _ => {}
        }
    }
    spans
}

pub(super) fn metrics(printed: &str) -> BTreeSet<ReceivedMetric> {
    let metrics = sections(printed).into_iter().filter(|section| section.title == "Metric");
    metrics
        .map(|section| ReceivedMetric {
            name: section.item("Name"),
            unit: section.item("Unit"),
            data_type: section.item("DataType"),
            is_monotonic: section.item("IsMonotonic"),
        })
        .collect()
}

pub(super) fn points(printed: &str) -> Vec<ReceivedPoint> {
    let (mut points, mut metric) = (Vec::new(), String::new());
    for section in sections(printed) {
        let value = match section.title {
            "Metric" => {
                metric = section.item("Name");
                continue;
            }
            "NumberDataPoints" => section.field("Value"),
            "HistogramDataPoints" => section.field("Count"),
            _ => continue,
        };
        let bounds = section.fields.iter().filter(|(key, _)| key.starts_with("ExplicitBounds #"));
        points.push(ReceivedPoint {
            metric: metric.clone(),
            attributes: section.items(),
            // What is still being printed has none.
            value: value.parse().unwrap_or_default(),
            bounds: bounds.map(|(_, bound)| bound.parse().unwrap()).collect(),
        });
    }
    points
}

pub(super) fn records(printed: &str) -> Vec<ReceivedRecord> {
    let records = sections(printed).into_iter().filter(|section| section.title == "LogRecord");
    records
        .map(|section| ReceivedRecord {
            body: section.field("Body"),
            severity: section.field("SeverityNumber"),
            trace: section.field("Trace ID"),
            span: section.field("Span ID"),
            attributes: section.items(),
        })
        .collect()
}

/// Who has exported, for each export.
pub(super) fn resources(printed: &str) -> Vec<Attributes> {
    let resources = sections(printed).into_iter().filter(|it| it.title.starts_with("Resource"));
    resources.map(|section| section.items()).collect()
}

/// What is printed from a line such as `Span #0` to the next one like it.
#[derive(Debug)]
struct Section<'a> {
    title: &'a str,
    /// `key: value`, in their order.
    fields: Vec<(&'a str, &'a str)>,
    /// `-> key: value`, in their order: attributes, for the most part.
    items: Vec<(&'a str, &'a str)>,
}

impl Section<'_> {
    fn field(&self, name: &str) -> String {
        value(&self.fields, name)
    }

    fn item(&self, name: &str) -> String {
        value(&self.items, name)
    }

    fn items(&self) -> Attributes {
        self.items.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

fn value(of: &[(&str, &str)], name: &str) -> String {
    let found = of.iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
}

fn sections(printed: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in printed.lines() {
        let titled = line.split_once(" #").filter(|(_, number)| number.parse::<u32>().is_ok());
        if let Some((title, _)) = titled {
            sections.push(Section { title, fields: Vec::new(), items: Vec::new() });
        } else if let Some((key, value)) = line.split_once(':')
            && let Some(section) = sections.last_mut()
        {
            let (key, value) = (key.trim(), value.trim());
            match key.strip_prefix("-> ") {
                Some(key) => section.items.push((key, value)),
                None => section.fields.push((key, value)),
            }
        }
    }
    sections
}

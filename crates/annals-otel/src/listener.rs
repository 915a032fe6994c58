//! From the measurements of the catalogue to the instruments of OpenTelemetry.

use std::ptr;

use annals_core::TraceContext;
use annals_core::telemetry::{Attribute, Kind, Labels, Metric, Telemetry, Values, metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};

use crate::propagation;

/// Listens to all that is measured.
#[derive(Debug)]
pub(crate) struct Listener {
    /// By where the metrics are in memory, which costs less to find than a name does. Empty if
    /// metrics are not exported.
    instruments: Vec<(usize, Instrument)>,
    traces: Traces,
}

/// Whether traces are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traces {
    Exported,
    NotExported,
}

#[derive(Debug)]
enum Instrument {
    Counter(Counter<f64>),
    Gauge(Gauge<f64>),
    Histogram(Histogram<f64>),
}

impl Listener {
    /// With an instrument for each metric of the catalogue.
    pub(crate) fn new(meter: Option<&Meter>, traces: Traces) -> Self {
        let instruments = meter.map(|meter| {
            metric::ALL.iter().map(|metric| (place(metric), instrument(meter, metric))).collect()
        });
        let mut instruments: Vec<_> = instruments.unwrap_or_default();
        instruments.sort_by_key(|(place, _)| *place);
        Self { instruments, traces }
    }

    fn instrument(&self, metric: &'static Metric) -> Option<&Instrument> {
        let place = place(metric);
        let found = self.instruments.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.instruments.get(found).map(|(_, instrument)| instrument)
    }
}

fn place(metric: &'static Metric) -> usize {
    ptr::from_ref(metric).addr()
}

fn instrument(meter: &Meter, metric: &'static Metric) -> Instrument {
    match metric.kind {
        Kind::Counter => Instrument::Counter(
            meter
                .f64_counter(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.description)
                .build(),
        ),
        Kind::Gauge => Instrument::Gauge(
            meter
                .f64_gauge(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.description)
                .build(),
        ),
        Kind::Histogram(buckets) => Instrument::Histogram(
            meter
                .f64_histogram(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.description)
                .with_boundaries(buckets.to_vec())
                .build(),
        ),
    }
}

impl Telemetry for Listener {
    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        let Some(instrument) = self.instrument(metric) else { return };
        // Up to four without asking for memory.
        match labels {
            [] => instrument.record(value, &[]),
            [a] => instrument.record(value, &[pair(a)]),
            [a, b] => instrument.record(value, &[pair(a), pair(b)]),
            [a, b, c] => instrument.record(value, &[pair(a), pair(b), pair(c)]),
            [a, b, c, d] => instrument.record(value, &[pair(a), pair(b), pair(c), pair(d)]),
            more => instrument.record(value, &more.iter().map(pair).collect::<Vec<_>>()),
        }
    }

    fn current_trace(&self) -> Option<TraceContext> {
        // What is written outside of any trace says so: what follows from it must not begin one.
        propagation::current().or_else(|| match self.traces {
            Traces::Exported => propagation::not_kept(),
            Traces::NotExported => None,
        })
    }
}

fn pair((attribute, value): &(Attribute, &'static str)) -> KeyValue {
    if attribute.values == Values::FewNumbers
        && let Ok(number) = value.parse::<i64>()
    {
        return KeyValue::new(attribute.name, number);
    }
    KeyValue::new(attribute.name, *value)
}

impl Instrument {
    fn record(&self, value: f64, attributes: &[KeyValue]) {
        match self {
            Self::Counter(counter) => counter.add(value, attributes),
            Self::Gauge(gauge) => gauge.record(value, attributes),
            Self::Histogram(histogram) => histogram.record(value, attributes),
        }
    }
}

//! From the measurements of the catalogue to the instruments of OpenTelemetry.

use std::ptr;

use annals_core::TraceContext;
use annals_core::telemetry::{Attribute, Kind, Labels, Metric, Telemetry, Values, metric};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    BoundCounter, BoundGauge, BoundHistogram, Counter, Gauge, Histogram, Meter,
};

use crate::propagation;
use crate::series::BySeries;

/// Listens to all that is measured.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Nothing is measured if metrics are not exported.
    metrics: Option<Metrics>,
}

#[derive(Debug)]
struct Metrics {
    instruments: Vec<(&'static Metric, Instrument)>,
    bound: BySeries<Option<Bound>>,
}

#[derive(Debug)]
enum Instrument {
    Counter(Counter<f64>),
    Gauge(Gauge<f64>),
    Histogram(Histogram<f64>),
}

/// An instrument that has looked its series up.
#[derive(Debug)]
enum Bound {
    Counter(BoundCounter<f64>),
    Gauge(BoundGauge<f64>),
    Histogram(BoundHistogram<f64>),
}

impl Listener {
    /// With an instrument for each metric of the catalogue.
    pub(crate) fn new(meter: Option<&Meter>) -> Self {
        Self { metrics: meter.map(Metrics::new) }
    }
}

impl Telemetry for Listener {
    fn is_measuring(&self) -> bool {
        self.metrics.is_some()
    }

    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.measure(metric, value, labels);
        }
    }

    fn current_trace(&self) -> Option<TraceContext> {
        propagation::current()
    }
}

impl Metrics {
    fn new(meter: &Meter) -> Self {
        let instruments = metric::ALL.iter().map(|metric| (*metric, instrument(meter, metric)));
        Self { instruments: instruments.collect(), bound: BySeries::new() }
    }

    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        let bind = || self.instrument(metric).map(|it| it.bind(&pairs(labels)));
        match self.bound.get_or_make(metric, labels, bind) {
            Some(Some(bound)) => bound.record(value),
            // Not in the catalogue.
            Some(None) => {}
            None => {
                if let Some(instrument) = self.instrument(metric) {
                    instrument.record(value, &pairs(labels));
                }
            }
        }
    }

    fn instrument(&self, metric: &'static Metric) -> Option<&Instrument> {
        let found = self.instruments.iter().find(|(known, _)| ptr::eq(*known, metric));
        found.map(|(_, instrument)| instrument)
    }
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

fn pairs(labels: Labels<'_>) -> Vec<KeyValue> {
    labels.iter().map(pair).collect()
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
    fn bind(&self, attributes: &[KeyValue]) -> Bound {
        match self {
            Self::Counter(counter) => Bound::Counter(counter.bind(attributes)),
            Self::Gauge(gauge) => Bound::Gauge(gauge.bind(attributes)),
            Self::Histogram(histogram) => Bound::Histogram(histogram.bind(attributes)),
        }
    }

    fn record(&self, value: f64, attributes: &[KeyValue]) {
        match self {
            Self::Counter(counter) => counter.add(value, attributes),
            Self::Gauge(gauge) => gauge.record(value, attributes),
            Self::Histogram(histogram) => histogram.record(value, attributes),
        }
    }
}

impl Bound {
    fn record(&self, value: f64) {
        match self {
            Self::Counter(counter) => counter.add(value),
            Self::Gauge(gauge) => gauge.record(value),
            Self::Histogram(histogram) => histogram.record(value),
        }
    }
}

#[cfg(test)]
mod tests;

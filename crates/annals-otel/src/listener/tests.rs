use std::ptr;

use annals_core::telemetry::attribute;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{Key, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

use super::*;

/// Series of a metric at most, by default of the SDK. What would be more is added to a last one.
const SERIES_MAX: usize = 2_000;

/// A listener, and what arrives because of it.
struct Exporting {
    listener: Listener,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

/// A metric as it arrives.
#[derive(Debug, PartialEq)]
struct Arrived {
    name: String,
    unit: String,
    description: String,
    kind: Kind,
    series: Vec<Series>,
}

#[derive(Debug, PartialEq)]
struct Series {
    labels: Vec<(Key, Value)>,
    /// Of a histogram, the sum.
    value: f64,
    /// Of a histogram.
    buckets: Vec<u64>,
}

impl Exporting {
    fn begin() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build();
        Self { listener: Listener::new(Some(&provider.meter("test"))), provider, exporter }
    }

    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        self.listener.measure(metric, value, labels);
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(ResourceMetrics::scope_metrics);
        metrics.flat_map(|scope| scope.metrics()).map(arrived).collect()
    }

    /// The series of the only metric that was measured.
    fn series(&self) -> Vec<Series> {
        let mut arrived = self.arrived();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived.remove(0).series
    }
}

fn arrived(metric: &opentelemetry_sdk::metrics::data::Metric) -> Arrived {
    let AggregatedMetrics::F64(data) = metric.data() else { panic!("{metric:?}") };
    let (kind, series) = match data {
        MetricData::Sum(sum) => {
            assert!(sum.is_monotonic());
            let points = sum.data_points();
            let series = points.map(|it| series(it.attributes(), it.value(), Vec::new()));
            (Kind::Counter, series.collect())
        }
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            let series = points.map(|it| series(it.attributes(), it.value(), Vec::new()));
            (Kind::Gauge, series.collect())
        }
        MetricData::Histogram(histogram) => {
            let points: Vec<_> = histogram.data_points().collect();
            let bounds: Vec<f64> = points[0].bounds().collect();
            let series = points.iter().map(|it| {
                assert_eq!(it.count(), it.bucket_counts().sum::<u64>());
                series(it.attributes(), it.sum(), it.bucket_counts().collect())
            });
            (Kind::Histogram(bounds.leak()), series.collect())
        }
        MetricData::ExponentialHistogram(_) => panic!("{metric:?}"),
    };
    Arrived {
        name: metric.name().to_owned(),
        unit: metric.unit().to_owned(),
        description: metric.description().to_owned(),
        kind,
        series,
    }
}

fn series<'a>(
    attributes: impl Iterator<Item = &'a KeyValue>,
    value: f64,
    buckets: Vec<u64>,
) -> Series {
    let mut labels: Vec<_> = attributes.map(|it| (it.key.clone(), it.value.clone())).collect();
    labels.sort_by(|one, other| one.0.cmp(&other.0));
    Series { labels, value, buckets }
}

/// What should arrive of a metric that was measured once, with an example of each attribute.
fn expected(metric: &'static Metric, value: f64) -> Arrived {
    let labels = metric.attributes.iter().map(|it| {
        let value: Value = match it.values {
            Values::FewNumbers => it.example.parse::<i64>().unwrap().into(),
            _ => it.example.into(),
        };
        KeyValue::new(it.name, value)
    });
    let labels: Vec<_> = labels.collect();
    let buckets = match metric.kind {
        Kind::Counter | Kind::Gauge => Vec::new(),
        Kind::Histogram(bounds) => {
            let mut buckets = vec![0; bounds.len() + 1];
            buckets[bounds.partition_point(|bound| *bound < value)] = 1;
            buckets
        }
    };
    Arrived {
        name: metric.name.to_owned(),
        unit: metric.unit.to_owned(),
        description: metric.description.to_owned(),
        kind: metric.kind,
        series: vec![series(labels.iter(), value, buckets)],
    }
}

/// So many texts, each with a place of its own for as long as the process lives.
fn new_texts(count: usize) -> impl Iterator<Item = &'static str> {
    (0..count).map(|number| &*number.to_string().leak())
}

#[test]
fn each_metric_arrives_as_the_catalogue_has_it() {
    let exporting = Exporting::begin();
    let measurements = || metric::ALL.iter().zip((1..).map(|number| f64::from(number) / 4.0));
    for (metric, value) in measurements() {
        let labels: Vec<_> = metric.attributes.iter().map(|it| (*it, it.example)).collect();
        exporting.measure(metric, value, &labels);
    }
    let arrived = exporting.arrived();
    assert_eq!(arrived.len(), metric::ALL.len());
    for (metric, value) in measurements() {
        let found = arrived.iter().find(|it| it.name == metric.name);
        assert_eq!(found, Some(&expected(metric, value)));
    }
}

#[test]
fn texts_that_say_the_same_are_of_one_series_wherever_they_are() {
    let exporting = Exporting::begin();
    let texts = [(); 2].map(|()| &*String::from("Close").leak());
    assert!(!ptr::eq(texts[0], texts[1]));
    for text in texts {
        exporting.measure(&metric::COMMAND_CONFLICTS, 1.0, &[(attribute::COMMAND, text)]);
    }
    let labels = vec![(attribute::COMMAND.name.into(), "Close".into())];
    assert_eq!(exporting.series(), [Series { labels, value: 2.0, buckets: Vec::new() }]);
}

#[test]
fn the_order_of_its_labels_makes_no_series() {
    let exporting = Exporting::begin();
    let (command, aggregate_type) =
        ((attribute::COMMAND, "Close"), (attribute::AGGREGATE_TYPE, "account"));
    for labels in [[command, aggregate_type], [aggregate_type, command]] {
        exporting.measure(&metric::COMMAND_CONFLICTS, 1.0, &labels);
    }
    let series = exporting.series();
    assert_eq!((series.len(), series[0].value), (1, 2.0), "{series:?}");
}

/// There are more than have a place where they are found quickly, and more than the SDK keeps.
#[test]
fn of_too_many_series_no_measurement_is_lost() {
    const MORE: usize = 500;
    let exporting = Exporting::begin();
    let texts: Vec<_> = new_texts(SERIES_MAX + MORE).collect();
    for text in texts.iter().chain(&texts) {
        exporting.measure(&metric::COMMAND_CONFLICTS, 1.0, &[(attribute::COMMAND, text)]);
    }
    let (rest, kept): (Vec<_>, Vec<_>) = exporting
        .series()
        .into_iter()
        .partition(|it| it.labels == [("otel.metric.overflow".into(), true.into())]);
    assert_eq!(kept.len(), SERIES_MAX);
    assert!(kept.iter().all(|it| it.value == 2.0), "{kept:?}");
    assert_eq!((rest.len(), rest[0].value), (1, 2.0 * MORE as f64));
}

#[test]
fn what_is_not_in_the_catalogue_is_not_exported() {
    static OTHER: Metric =
        Metric { name: "other", kind: Kind::Counter, unit: "s", description: "", attributes: &[] };
    let exporting = Exporting::begin();
    exporting.measure(&OTHER, 1.0, &[]);
    assert_eq!(exporting.arrived(), []);
}

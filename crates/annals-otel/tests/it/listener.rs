//! A listener that remembers everything.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use annals_core::TraceContext;
use annals_core::telemetry::{self, Labels, Metric, Telemetry};

/// A measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) metric: &'static Metric,
    pub(crate) value: f64,
    pub(crate) labels: Vec<(&'static str, &'static str)>,
}

static MEASURED: Mutex<Vec<Measured>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Remembering;

impl Telemetry for Remembering {
    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        let labels = labels.iter().map(|(attribute, value)| (attribute.name, *value)).collect();
        measured().push(Measured { metric, value, labels });
    }

    fn current_trace(&self) -> Option<TraceContext> {
        None
    }
}

fn measured() -> MutexGuard<'static, Vec<Measured>> {
    MEASURED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has it listen, once for all tests of the process.
pub(crate) fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| telemetry::install(Remembering).unwrap());
}

/// What was measured of a metric with this among its labels, which no other test has.
pub(crate) fn measured_of(
    metric: &'static Metric,
    label: (&'static str, &'static str),
) -> Vec<Measured> {
    let is_meant = |it: &&Measured| it.metric == metric && it.labels.contains(&label);
    measured().iter().filter(is_meant).cloned().collect()
}

/// How often a metric was measured, by whichever test.
pub(crate) fn count_of(metric: &'static Metric) -> usize {
    measured().iter().filter(|it| it.metric == metric).count()
}

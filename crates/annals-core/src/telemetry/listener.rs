//! Who takes measurements, and knows the trace.

use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;

use super::attribute::Attribute;
use super::metric::Metric;
use crate::metadata::TraceContext;

/// What tells series of a metric apart.
///
/// The values are texts of the program, never of its input: by that there are few.
// tidy: expect(vocabulary): the word that metrics systems have for it
pub type Labels<'a> = &'a [(Attribute, &'static str)];

/// Takes measurements, and knows the trace that is active.
///
/// It is called from inside commands and from the threads that write, so it must be quick and must
/// not wait.
pub trait Telemetry: fmt::Debug + Send + Sync + 'static {
    /// Whether measurements lead to anything. If not, what costs something to find out is not.
    fn is_measuring(&self) -> bool {
        true
    }

    /// Takes a measurement.
    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>);

    /// The context of the `tracing` span that the caller is in, if it belongs to a trace.
    fn current_trace(&self) -> Option<TraceContext>;
}

/// There is one already. One for a process is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("telemetry is installed already")]
pub struct AlreadyInstalled;

static INSTALLED: OnceLock<Box<dyn Telemetry>> = OnceLock::new();

/// Has `telemetry` listen, for as long as the process lives.
///
/// # Errors
///
/// [`AlreadyInstalled`]; then nothing has changed.
pub fn install(telemetry: impl Telemetry) -> Result<(), AlreadyInstalled> {
    INSTALLED.set(Box::new(telemetry)).map_err(|_| AlreadyInstalled)
}

/// Whether anybody listens, for what only has to be found out then.
#[must_use]
pub fn is_on() -> bool {
    INSTALLED.get().is_some()
}

/// Whether anybody takes measurements, for what takes trouble to find out.
#[must_use]
pub fn is_measured() -> bool {
    INSTALLED.get().is_some_and(|telemetry| telemetry.is_measuring())
}

/// The context of the span that the caller is in, if it belongs to a trace.
#[must_use]
pub fn current_trace() -> Option<TraceContext> {
    INSTALLED.get()?.current_trace()
}

pub(super) fn measure(metric: &'static Metric, value: f64, labels: Labels<'_>) {
    if let Some(telemetry) = INSTALLED.get() {
        debug_assert!(
            labels.iter().all(|(attribute, _)| metric.attributes.contains(attribute)),
            "the catalogue says nothing of {labels:?} on {}",
            metric.name,
        );
        telemetry.measure(metric, value, labels);
    }
}

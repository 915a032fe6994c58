//! Measuring how long something takes.

use std::time::Instant;

use super::listener::{Labels, is_on};
use super::metric::Metric;

/// Measures how long something takes, if anybody wants to know. Otherwise the clock is not looked
/// at.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(is_on().then(Instant::now))
    }

    /// Reports the time from its beginning to that of a later one, in seconds.
    pub fn stop_at(&self, later: &Self, metric: &'static Metric, labels: Labels<'_>) {
        if let (Some(start), Some(end)) = (self.0, later.0) {
            metric.measure(end.saturating_duration_since(start).as_secs_f64(), labels);
        }
    }

    /// Reports the time since the beginning, in seconds.
    pub fn stop(&self, metric: &'static Metric, labels: Labels<'_>) {
        if let Some(start) = self.0 {
            metric.measure(start.elapsed().as_secs_f64(), labels);
        }
    }
}

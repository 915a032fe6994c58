//! How fast a worker is.

use std::time::Duration;

use annals_core::WorkerReport;
use tokio::time::Instant;

/// How much the newest measurement counts against those before.
const WEIGHT: f64 = 0.3;

/// Events in a transaction before anything is known.
const EVENTS_AT_FIRST: usize = 5_000;

/// Measures how fast a worker is, to report it and to keep its transactions short.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    /// Events written since the last report.
    events: usize,
    events_per_second: f64,
    /// How long an event takes inside a transaction; `None` before the first.
    seconds_per_event: Option<f64>,
}

impl Default for Pace {
    fn default() -> Self {
        let since = Instant::now();
        Self { since, events: 0, events_per_second: 0.0, seconds_per_event: None }
    }
}

impl Pace {
    /// A transaction with so many events took so long.
    pub(super) fn wrote(&mut self, events: usize, took: Duration) {
        self.events += events;
        if events == 0 {
            return;
        }
        let now = took.as_secs_f64() / as_f64(events);
        let before = self.seconds_per_event.unwrap_or(now);
        self.seconds_per_event = Some(before + WEIGHT * (now - before));
    }

    /// A transaction with so many events took so long and came to nothing. If it outlasted its
    /// lease, the next must be shorter, or it will as well.
    pub(super) fn wrote_in_vain(&mut self, events: usize, took: Duration) {
        if events > 0 {
            let now = took.as_secs_f64() / as_f64(events);
            self.seconds_per_event = self.seconds_per_event.map(|before| before.max(now));
            self.seconds_per_event.get_or_insert(now);
        }
    }

    /// How many events fit into a transaction of this length. Small ones cost more for each event,
    /// so after a slow single event this is too careful for a while, never too bold for long.
    pub(super) fn events_max(&self, length: Duration) -> usize {
        let Some(seconds) = self.seconds_per_event else { return EVENTS_AT_FIRST };
        let events = length.as_secs_f64() / seconds.max(1e-9);
        // Saturates, which is what is wanted.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a bound that saturates, of a number that is not negative"
        )]
        let events = events as usize;
        events.max(1)
    }

    /// What others are told, since it was last asked.
    pub(super) fn report(&mut self, last_error: Option<String>) -> WorkerReport {
        let elapsed = self.since.elapsed().as_secs_f64();
        if elapsed > 0.0 {
            let now = as_f64(self.events) / elapsed;
            self.events_per_second += WEIGHT * (now - self.events_per_second);
            (self.since, self.events) = (Instant::now(), 0);
        }
        WorkerReport { events_per_second: self.events_per_second, last_error }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

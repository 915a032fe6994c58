//! Bounds of projections.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::retry::Retry;

/// Bounds of [`Projections`](crate::Projections).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectionOptions {
    /// How long a lease lasts that is not renewed; it is renewed each third of that.
    ///
    /// What a killed worker had stands still for as long. The default of 5 s outlasts pauses of a
    /// busy machine; a worker that is paused for longer loses its partitions, and writes nothing.
    pub lease: Duration,
    /// Most events written in one transaction.
    ///
    /// The more, the fewer times a row is written that many of them touch. The default of 50,000 is
    /// only reached far behind the head; a transaction that takes longer than a quarter of the
    /// lease makes the following ones smaller.
    pub batch_events_max: usize,
    /// How often and how fast an event that fails is tried again before it is parked.
    pub retry: Retry,
    /// Most streams that may stand still in what one worker has. One more stops it: then it is the
    /// code that is wrong, not the events.
    pub blocked_streams_max: usize,
    /// Workers of this process for a generation that is being built, at most one for each
    /// partition. Each reads the whole log, so more pay only where writing is what takes long.
    pub builders: NonZeroU32,
}

impl Default for ProjectionOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5),
            batch_events_max: 50_000,
            retry: Retry {
                attempts_max: 4,
                pause_first: Duration::from_millis(20),
                pause_max: Duration::from_millis(500),
            },
            blocked_streams_max: 1_000,
            builders: NonZeroU32::MIN,
        }
    }
}

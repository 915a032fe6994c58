//! Bounds of sagas.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::retry::Retry;

/// Bounds of [`Sagas`](crate::Sagas).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaOptions {
    /// How often and how fast a step is tried that cannot be done, before it is parked for an
    /// operator.
    ///
    /// A rejection is an answer, and not tried again. The default of 30 attempts with pauses up to
    /// 30 s outlasts about five minutes: a database that is restarted or failed over.
    pub retry: Retry,
    /// Most steps that this process works on at the same time. What is more waits in the log.
    pub in_hand_max: NonZeroUsize,
    /// How often to look for timers that are due and for steps that somebody left behind.
    pub look_every: Duration,
    /// How long steps under way may take to finish at shutdown. What is cut off is taken up again.
    pub grace: Duration,
}

impl Default for SagaOptions {
    fn default() -> Self {
        Self {
            retry: Retry {
                attempts_max: 30,
                pause_first: Duration::from_millis(20),
                pause_max: Duration::from_secs(30),
            },
            in_hand_max: const { NonZeroUsize::new(256).unwrap() },
            look_every: Duration::from_millis(250),
            grace: Duration::from_secs(5),
        }
    }
}

//! Bounds of an application.

use std::time::Duration;

use crate::retry::Retry;

/// Bounds of an [`App`](crate::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Most states kept in memory, for each type of aggregate.
    ///
    /// The least useful is dropped when a further one is needed; that only costs loading it again.
    /// With states of 200 bytes the default of 16,384 is about 8 MB.
    pub cached_states_max: usize,
    /// A snapshot is taken each time a stream grows past a multiple of this many events, and when
    /// loading had to replay that many.
    ///
    /// 500 events replay in about a millisecond, so smaller values save nothing that is felt. 0
    /// counts as 1; to take none, give the application no place for snapshots.
    pub snapshot_every: u64,
    /// How conflicts and unknown outcomes are met.
    pub retry: Retry,
    /// How long a command waits for the read models it was told to wait for.
    ///
    /// A read model that is up to date follows within milliseconds. 5 s outlast the take-over of
    /// partitions from a process that was killed with short leases, and end before the patience of
    /// most callers and proxies does.
    pub visible_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cached_states_max: 16_384,
            snapshot_every: 500,
            retry: Retry::default(),
            visible_within: Duration::from_secs(5),
        }
    }
}

//! Where streams ended when this process last looked.

use annals_core::{EventId, Sequence, StreamId};
use quick_cache::unsync::Cache;

/// Streams that are remembered.
///
/// At about 200 bytes each some 13 MB, and more than a busy process writes to within minutes.
const STREAMS_MAX: usize = 65_536;

/// The end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// Sequence of its last event, `ZERO` if it does not exist.
    pub(crate) sequence: Sequence,
    /// The last event, if it is known which one that is.
    pub(crate) event_id: Option<EventId>,
}

/// Guesses at where streams end, for drafting a batch.
///
/// Another process may have written since. The database checks every guess that a verdict rests
/// on, so a wrong one costs a second try and nothing else. What is in here was durable when it was
/// noted; it is forgotten with the connection, because a failover can take a log back.
#[derive(Debug)]
pub(crate) struct KnownStreams(Cache<StreamId, StreamEnd>);

impl Default for KnownStreams {
    fn default() -> Self {
        Self(Cache::new(STREAMS_MAX))
    }
}

impl KnownStreams {
    pub(crate) fn end(&self, stream: &StreamId) -> Option<StreamEnd> {
        self.0.peek(stream).copied()
    }

    pub(crate) fn note(&mut self, stream: &StreamId, end: StreamEnd) {
        match self.0.get_mut(stream) {
            Some(mut known) => *known = end,
            None => self.0.insert(stream.clone(), end),
        }
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

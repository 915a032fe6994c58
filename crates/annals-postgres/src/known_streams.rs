//! Where streams ended when this process last looked.

use annals_core::{EventId, Position, Sequence, StreamId};
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

/// The end of a stream as this process knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownEnd {
    pub(crate) end: StreamEnd,
    /// Whether it still is so unless somebody has written since [`KnownStreams::head`]. Otherwise
    /// somebody may have written to the stream long before that.
    pub(crate) is_current: bool,
}

/// Guesses at where streams end, for drafting a batch.
///
/// Another process may have written since. The database checks every guess that a verdict rests
/// on, so a wrong one costs a second try and nothing else. Where the head is still where this
/// process left it, nobody has written, and current guesses are facts: then one comparison saves
/// looking up every stream.
///
/// What is in here was durable when it was noted; it is forgotten with the connection, because a
/// failover can take a log back.
#[derive(Debug)]
pub(crate) struct KnownStreams {
    ends: Cache<StreamId, (StreamEnd, u64)>,
    /// Rises whenever somebody else is found to have written.
    generation: u64,
    head: Option<Position>,
}

impl Default for KnownStreams {
    fn default() -> Self {
        Self { ends: Cache::new(STREAMS_MAX), generation: 0, head: None }
    }
}

impl KnownStreams {
    pub(crate) fn end(&self, stream: &StreamId) -> Option<KnownEnd> {
        let (end, generation) = *self.ends.get(stream)?;
        Some(KnownEnd { end, is_current: generation == self.generation })
    }

    /// The head after the last batch of this process.
    pub(crate) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Notes the head before and after a batch. Comes before noting ends of streams.
    pub(crate) fn note_head(&mut self, before: Position, after: Position) {
        if self.head != Some(before) {
            self.generation += 1;
        }
        self.head = Some(after);
    }

    pub(crate) fn note(&mut self, stream: &StreamId, end: StreamEnd) {
        let entry = (end, self.generation);
        match self.ends.get_mut(stream) {
            Some(mut known) => *known = entry,
            None => self.ends.insert(stream.clone(), entry),
        }
    }

    pub(crate) fn forget(&mut self) {
        self.ends.clear();
        self.head = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_current_until_somebody_else_writes() {
        let position = |number| Position::new(number).unwrap();
        let stream = |id: &str| StreamId::new("sample", id).unwrap();
        let end = StreamEnd { sequence: Sequence::ZERO, event_id: None };
        let mut known = KnownStreams::default();
        known.note_head(position(0), position(2));
        known.note(&stream("a"), end);
        known.note_head(position(2), position(3));
        assert_eq!(known.end(&stream("a")), Some(KnownEnd { end, is_current: true }));
        // Positions 4 and 5 are somebody else's.
        known.note_head(position(5), position(6));
        known.note(&stream("b"), end);
        assert_eq!(known.end(&stream("a")), Some(KnownEnd { end, is_current: false }));
        assert_eq!(known.end(&stream("b")), Some(KnownEnd { end, is_current: true }));
        known.forget();
        assert_eq!((known.end(&stream("b")), known.head()), (None, None));
    }
}

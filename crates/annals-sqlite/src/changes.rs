//! When streams last changed, as far as the one process that writes remembers.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use annals_core::{Position, StreamId};

/// Places to remember a change in: 512 KiB.
const PLACES: usize = 65_536;

/// For each stream the position of its last event, or a higher one.
///
/// Streams are spread over a fixed number of places. Those that share one are taken for changed
/// when only the other was, which costs a look at the file and nothing else.
pub(crate) struct Changes {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Changes {
    /// Of a log that has grown up to `head`, by whatever streams.
    pub(crate) fn since(head: Position) -> Self {
        let places = (0..PLACES).map(|_| AtomicU64::new(head.get())).collect();
        Self { places, hasher: RandomState::new() }
    }

    /// An event of `stream` is about to be committed at `position`.
    ///
    /// Before, not after: once anybody can read the event, nobody is told any more that there is
    /// none. If the commit fails, the place is too high until the log has grown past it.
    pub(crate) fn note(&self, stream: &StreamId, position: Position) {
        if let Some(place) = self.place(stream) {
            place.store(position.get(), Ordering::Release);
        }
    }

    /// Whether `stream` certainly has no event beyond `position`.
    pub(crate) fn are_none_since(&self, stream: &StreamId, position: Position) -> bool {
        self.place(stream).is_some_and(|place| place.load(Ordering::Acquire) <= position.get())
    }

    fn place(&self, stream: &StreamId) -> Option<&AtomicU64> {
        let hash = usize::try_from(self.hasher.hash_one(stream) % PLACES as u64).ok()?;
        self.places.get(hash)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Changes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: usize) -> StreamId {
        StreamId::new("account", number.to_string()).unwrap()
    }

    fn position(number: u64) -> Position {
        Position::new(number).unwrap()
    }

    #[test]
    fn nothing_is_known_of_what_happened_before() {
        let changes = Changes::since(position(7));
        assert!(!changes.are_none_since(&stream(1), position(6)));
        assert!(changes.are_none_since(&stream(1), position(7)));
    }

    #[test]
    fn more_streams_than_places_never_hide_a_change() {
        let changes = Changes::since(Position::ZERO);
        for number in 1..=2 * PLACES {
            let (stream, at) = (stream(number), position(number as u64));
            changes.note(&stream, at);
            assert!(!changes.are_none_since(&stream, at.before()), "{stream}");
            assert!(changes.are_none_since(&stream, at), "{stream}");
        }
        for number in 1..=2 * PLACES {
            let (stream, at) = (stream(number), position(number as u64));
            assert!(!changes.are_none_since(&stream, at.before()), "{stream}");
        }
    }
}

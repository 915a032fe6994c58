//! Reading the log in bounded, consistent pages.

use thiserror::Error;

use crate::append::BoxError;
use crate::event::RecordedEvent;
use crate::limits::{PAGE_EVENTS_DEFAULT, PAGE_EVENTS_MAX};
use crate::position::{Position, Sequence};
use crate::query::EventQuery;
use crate::stream::StreamId;

/// Asks for one page of events in position order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    selection: Selection,
    after: Position,
    up_to: Position,
    limit: usize,
}

/// Which events a read is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The events of one stream after a sequence. Stores seek straight to that sequence.
    Stream {
        /// The stream.
        stream: StreamId,
        /// The last sequence already known.
        after: Sequence,
    },
    /// The events that match a query.
    Query(EventQuery),
}

impl Selection {
    /// Whether the selection contains `event`.
    #[must_use]
    pub fn contains(&self, event: &RecordedEvent) -> bool {
        match self {
            Self::Stream { stream, after } => event.stream == *stream && event.sequence > *after,
            Self::Query(query) => query.matches(event),
        }
    }
}

impl Read {
    /// Every event of the log.
    #[must_use]
    pub fn all() -> Self {
        Self::query(EventQuery::all())
    }

    /// The events that match `query`.
    #[must_use]
    pub fn query(query: EventQuery) -> Self {
        Self::new(Selection::Query(query))
    }

    /// The events of `stream` with a sequence above `after`.
    #[must_use]
    pub fn stream(stream: StreamId, after: Sequence) -> Self {
        Self::new(Selection::Stream { stream, after })
    }

    fn new(selection: Selection) -> Self {
        Self { selection, after: Position::ZERO, up_to: Position::MAX, limit: PAGE_EVENTS_DEFAULT }
    }

    /// Only events with a position above `position`. To continue, give the last page's `through`.
    #[must_use]
    pub fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Only events with a position at or below `position`.
    #[must_use]
    pub fn up_to(mut self, position: Position) -> Self {
        self.up_to = position;
        self
    }

    /// At most `events` events; values outside 1 to [`PAGE_EVENTS_MAX`] are moved to the nearest
    /// end of that range.
    #[must_use]
    pub fn limit(mut self, events: usize) -> Self {
        self.limit = events.clamp(1, PAGE_EVENTS_MAX);
        self
    }

    /// Which events are asked for.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Exclusive lower bound on positions.
    #[must_use]
    pub fn after_position(&self) -> Position {
        self.after
    }

    /// Inclusive upper bound on positions.
    #[must_use]
    pub fn up_to_position(&self) -> Position {
        self.up_to
    }

    /// Most events the page may hold.
    #[must_use]
    pub fn limit_events(&self) -> usize {
        self.limit
    }
}

/// One consistent view of a stretch of the log.
///
/// It holds every selected event in the stretch that begins after the read's `after` and ends with
/// `through`, and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The selected events, by rising position.
    pub events: Vec<RecordedEvent>,
    /// The page is complete up to this position. Continue after it; as a checkpoint it also counts
    /// the events that were not selected. Never below the read's `after`.
    pub through: Position,
    /// Whether more of the log within the read's bounds lies beyond `through`, as of the page's
    /// view. A page may hold few or no events and still have more to come.
    pub has_more: bool,
}

/// Why a read failed: one variant for each thing the caller can do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store could not answer now. Try again later.
    #[error("the store is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// This store handle will not answer any more. Open the store again; the source says why.
    #[error("the store is closed")]
    Closed {
        /// Why: shut down, or stopped because it is not the log that was opened any more.
        #[source]
        source: BoxError,
    },
    /// What is stored at this position is not what was written. Do not go on past it: restore the
    /// log from a backup or a replica.
    #[error("the event at position {position} is damaged: {detail}")]
    Corrupt {
        /// Where the damage is.
        position: Position,
        /// What does not fit.
        detail: String,
    },
}

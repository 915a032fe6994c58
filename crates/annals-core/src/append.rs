//! Writing to the log: events, the condition they depend on, and what became of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use thiserror::Error;

use crate::event::NewEvent;
use crate::id::{CommandId, EventId};
use crate::limits::{
    APPEND_BYTES_MAX, APPEND_EVENTS_MAX, CONDITION_STREAMS_MAX, LimitError, check_count,
    check_length,
};
use crate::position::{Position, Sequence};
use crate::query::EventQuery;
use crate::stream::StreamId;

/// Events to write together, the condition under which to write them, and the command they are
/// decided for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    events: Vec<NewEvent>,
    condition: AppendCondition,
    command_id: Option<CommandId>,
}

impl Append {
    /// Writes `events` if `condition` holds.
    ///
    /// With a command id `events` may be empty: that the command led to nothing is then recorded,
    /// and a repeat gets that answer.
    ///
    /// # Errors
    ///
    /// [`LimitError::Empty`] without events and without a command id;
    /// [`LimitError::TooMany`] above [`APPEND_EVENTS_MAX`] events or [`CONDITION_STREAMS_MAX`]
    /// expected sequences; [`LimitError::TooLong`] above [`APPEND_BYTES_MAX`] bytes of content.
    pub fn new(
        events: Vec<NewEvent>,
        condition: AppendCondition,
        command_id: Option<CommandId>,
    ) -> Result<Self, LimitError> {
        if events.is_empty() && command_id.is_none() {
            return Err(LimitError::Empty { what: "append without a command id" });
        }
        check_count("events in an append", events.len(), APPEND_EVENTS_MAX)?;
        check_count(
            "expected sequences in an append condition",
            condition.sequences.len(),
            CONDITION_STREAMS_MAX,
        )?;
        let append = Self { events, condition, command_id };
        check_length("content of an append", append.content_bytes(), APPEND_BYTES_MAX)?;
        Ok(append)
    }

    /// The events, in the order they are written.
    #[must_use]
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// What must hold.
    #[must_use]
    pub fn condition(&self) -> &AppendCondition {
        &self.condition
    }

    /// The command the events were decided for.
    #[must_use]
    pub fn command_id(&self) -> Option<CommandId> {
        self.command_id
    }

    /// Bytes of payload and metadata of all events.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        self.events.iter().map(NewEvent::content_bytes).sum()
    }

    /// Takes the append apart, for stores that keep the events.
    #[must_use]
    pub fn into_parts(self) -> (Vec<NewEvent>, AppendCondition, Option<CommandId>) {
        (self.events, self.condition, self.command_id)
    }
}

/// What must hold at the moment of writing. The default holds always.
///
/// Both kinds may be combined; all of them must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendCondition {
    sequences: BTreeMap<StreamId, Sequence>,
    last_events: BTreeMap<StreamId, EventId>,
    unless: Option<NothingNew>,
}

/// "Nothing matching this query after this position."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NothingNew {
    /// The events that would matter.
    pub query: EventQuery,
    /// The position up to which they are already known.
    pub after: Position,
}

impl AppendCondition {
    /// The stream's last event must have exactly this sequence; [`Sequence::ZERO`] means that the
    /// stream must not exist. A later call for the same stream replaces an earlier one.
    #[must_use]
    pub fn expect_sequence(mut self, stream: StreamId, sequence: Sequence) -> Self {
        self.last_events.remove(&stream);
        self.sequences.insert(stream, sequence);
        self
    }

    /// The stream's last event must have exactly this sequence and be this very event.
    ///
    /// Stricter than the sequence alone, and needed whenever the state decided on was not read
    /// back from the log: an event decided before this one may have been refused and another one
    /// stand in its place, or the log may have been restored and continued differently. The
    /// sequence is the same then, the history is not. A later call for the same stream replaces an
    /// earlier one. At sequence 0 there is no event that could be this one, so that is always a
    /// conflict.
    #[must_use]
    pub fn expect_event(mut self, stream: StreamId, sequence: Sequence, event_id: EventId) -> Self {
        self.last_events.insert(stream.clone(), event_id);
        self.sequences.insert(stream, sequence);
        self
    }

    /// No event after `after` may match `query`. A later call replaces an earlier one: what matters
    /// has to be one query.
    ///
    /// `after` must be the position up to which the decision has seen the log (a page's
    /// `through`), taken with the events, not after them.
    #[must_use]
    pub fn nothing_new(mut self, query: EventQuery, after: Position) -> Self {
        self.unless = Some(NothingNew { query, after });
        self
    }

    /// The expected sequences, in the order of the stream ids.
    pub fn sequences(&self) -> impl Iterator<Item = (&StreamId, Sequence)> {
        self.sequences.iter().map(|(stream, sequence)| (stream, *sequence))
    }

    /// The event that must be the stream's last one, if one was named. The expected sequence of
    /// the same stream is among [`AppendCondition::sequences`].
    #[must_use]
    pub fn last_event(&self, stream: &StreamId) -> Option<EventId> {
        self.last_events.get(stream).copied()
    }

    /// The query condition, if there is one.
    #[must_use]
    pub fn unless(&self) -> Option<&NothingNew> {
        self.unless.as_ref()
    }
}

/// What an append was assigned. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says whether the events were written now or by an earlier append"]
pub struct Appended {
    /// Position of the first event; the others follow without holes. For an append without events,
    /// the position the next event of the log would have had.
    pub first_position: Position,
    /// The sequence of each event in its stream, in the order of the append.
    pub sequences: Vec<Sequence>,
    /// `true` if this command id had been written before and nothing was written now. The rest
    /// then describes that first outcome.
    pub repeated: bool,
}

impl Appended {
    /// How many events there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sequences.len()
    }

    /// Position of the last event. For an append without events, the head at that time.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.first_position.plus(self.sequences.len() as u64).before()
    }
}

/// Why an append was not acknowledged: one variant for each thing the caller can do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A stream is not at the expected sequence, or another event than the expected one stands
    /// there (`actual` then equals `expected`). Nothing was written. Load again, handle again.
    #[error("{stream} is at sequence {actual}, expected {}", Expected(*expected, *actual))]
    Conflict {
        /// The first stream, in the order of stream ids, whose sequence differs.
        stream: StreamId,
        /// What the condition asked for.
        expected: Sequence,
        /// Where the stream is.
        actual: Sequence,
    },
    /// An event after the known position matches the condition's query. Nothing was written. Read
    /// again, decide again.
    #[error("an event matching the append condition stands at position {at}")]
    ConditionFailed {
        /// Position of such an event, not necessarily the first.
        at: Position,
    },
    /// It cannot be known whether the append was written (G8). Repeat it with the same command id:
    /// that either writes it or returns the first outcome.
    #[error("the outcome of the append is unknown")]
    Unknown {
        /// What went wrong at that moment.
        #[source]
        source: BoxError,
    },
    /// The store could not take the append now. Nothing was written. Try again later.
    #[error("the store is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// This store handle will not write any more. Nothing was written. Open the store again; the
    /// source says why.
    #[error("the store is closed for writing")]
    Closed {
        /// Why: shut down, opened for reading only, or stopped after a failed flush.
        #[source]
        source: BoxError,
    },
    /// The append is outside a bound. Nothing was written. It must be changed; repeating it cannot
    /// succeed.
    #[error(transparent)]
    Invalid(#[from] LimitError),
}

/// Words a conflict whose sequences are equal.
struct Expected(Sequence, Sequence);

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(expected, actual) if expected == actual => formatter.write_str("another event"),
            Self(expected, _) => expected.fmt(formatter),
        }
    }
}

/// An error of any origin, kept as the source of one of ours.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

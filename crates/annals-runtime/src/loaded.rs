//! The state of an aggregate, and the moments it can be had for.

use annals_core::{Position, Sequence};
use chrono::{DateTime, Utc};

/// The state of an aggregate and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// The last event it contains; [`Sequence::ZERO`] if there is none.
    pub sequence: Sequence,
}

impl<A> Loaded<A> {
    /// Whether anything ever happened to the aggregate.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.sequence > Sequence::ZERO
    }
}

/// A moment in the history of an aggregate. All three are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After the event with this sequence.
    Sequence(Sequence),
    /// After the last event up to this position of the log.
    Position(Position),
    /// After the last event that the store had written by this time.
    Time(DateTime<Utc>),
}

impl From<Sequence> for At {
    fn from(sequence: Sequence) -> Self {
        Self::Sequence(sequence)
    }
}

impl From<Position> for At {
    fn from(position: Position) -> Self {
        Self::Position(position)
    }
}

impl From<DateTime<Utc>> for At {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

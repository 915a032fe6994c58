//! The state of an aggregate: now, and as it was.

use annals_core::{Aggregate, LimitError, Position, Sequence, StreamId};
use chrono::{DateTime, Utc};

use crate::app::Inner;
use crate::error::LoadError;
use crate::lane::Confirmed;
use crate::replay::{Moment, replay};

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

pub(crate) fn stream_id<A: Aggregate>(id: &A::Id) -> Result<StreamId, LimitError> {
    StreamId::new(A::TYPE, id.to_string())
}

pub(crate) async fn load<A: Aggregate>(
    app: &Inner<A::Services>,
    stream: &StreamId,
) -> Result<Loaded<A>, LoadError> {
    let lane = app.lanes.lane::<A>(stream);
    let mut held = lane.hold(app, stream).await?;
    loop {
        let loaded = held.loaded();
        held = match held.confirm(&*app.store, stream).await? {
            Confirmed::Current(_) => return Ok(loaded),
            Confirmed::Changed(newer) => newer,
            Confirmed::Lost => lane.hold(app, stream).await?,
        };
    }
}

pub(crate) async fn load_at<A: Aggregate>(
    app: &Inner<A::Services>,
    stream: StreamId,
    at: At,
) -> Result<Loaded<A>, LoadError> {
    let replayed = replay::<A>(app, &stream, Moment::At(at)).await?;
    let (state, sequence) = (replayed.state, replayed.sequence);
    match at {
        At::Sequence(asked) if sequence < asked => {
            Err(LoadError::SequenceAhead { stream, asked, actual: sequence })
        }
        _ => Ok(Loaded { state, sequence }),
    }
}

//! What can go wrong when executing or loading: one variant for each thing the caller can do next.

use std::error::Error;

use annals_core::{
    AppendError, BoxError, CommandId, ConsistencyToken, DecodeError, JsonError, LimitError,
    ReadError, Sequence, StreamId,
};
use thiserror::Error;

use crate::visibility::WaitError;

/// A command or decision did not lead to events. Unless it says otherwise, nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecuteError<E: Error + 'static> {
    /// A rule of the domain forbids it. Tell whoever asked.
    #[error(transparent)]
    Rejected(E),
    /// The aggregate is not at the sequence the caller asked for. Load it, look, ask again.
    #[error("{stream} is at sequence {actual}, expected {expected}")]
    SequenceMismatch {
        /// The aggregate's stream.
        stream: StreamId,
        /// What the caller expects.
        expected: Sequence,
        /// Where the stream is.
        actual: Sequence,
    },
    /// Others were faster, every time. Try again later; if it happens often, the boundary is too
    /// large or too many processes write to one aggregate.
    #[error("{attempts} attempts all met a conflict")]
    Contention {
        /// How many attempts were made.
        attempts: u32,
        /// The last conflict.
        #[source]
        last: Box<AppendError>,
    },
    /// The command id was used before, for something else. Use a new id for a new command.
    #[error("command id {command_id} belongs to events of {stream}")]
    CommandIdReused {
        /// The id.
        command_id: CommandId,
        /// A stream that the first use wrote to.
        stream: StreamId,
    },
    /// It could not be found out whether the events were written. Execute the same command with
    /// this command id again: that either writes them or returns what was written.
    #[error("the outcome of command {command_id} is unknown")]
    Unknown {
        /// The id to repeat with.
        command_id: CommandId,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The store cannot take writes now. Try again later.
    #[error("the store is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The store handle will not write any more. Open the store again.
    #[error("the store is closed for writing")]
    Closed {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// What was to be written exceeds a bound or has no JSON form. Change the command.
    #[error(transparent)]
    Invalid(#[from] JsonError),
    /// The state could not be loaded.
    #[error("the state could not be loaded")]
    Load(#[from] LoadError),
    /// The application was not told of any read models to wait for. Nothing was executed: give it
    /// some with [`App::with_visibility`](crate::App::with_visibility), or do not wait.
    #[error("the application has no read models in which to wait for {projection}")]
    NoReadModels {
        /// What was to be waited for.
        projection: String,
    },
    /// **It is executed and durable**, but a read model it was to wait for does not show it. Do not
    /// execute it anew: go on, and present the token to queries. Whoever needs the events repeats
    /// it with this command id.
    #[error("command {command_id} is executed and durable, but not visible yet")]
    NotVisible {
        /// The command's id: the one given, else a new one.
        command_id: CommandId,
        /// What [`Executed::token`](crate::Executed::token) would have been.
        token: ConsistencyToken,
        /// Which read model it is, and how far.
        #[source]
        source: WaitError,
    },
}

impl<E: Error + 'static> From<LimitError> for ExecuteError<E> {
    fn from(error: LimitError) -> Self {
        Self::Invalid(error.into())
    }
}

impl<E: Error + 'static> From<ReadError> for ExecuteError<E> {
    fn from(error: ReadError) -> Self {
        Self::Load(error.into())
    }
}

/// A state or a history could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The id is not a valid stream id.
    #[error(transparent)]
    Invalid(#[from] LimitError),
    /// The stream does not reach that far yet. Ask for a sequence up to `actual`.
    #[error("{stream} is at sequence {actual}, {asked} was asked for")]
    SequenceAhead {
        /// The aggregate's stream.
        stream: StreamId,
        /// What was asked for.
        asked: Sequence,
        /// Where the stream is.
        actual: Sequence,
    },
    /// The store could not read.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// An event does not decode. The error names it; the code or an upcaster must be mended.
    #[error(transparent)]
    Decode(Box<DecodeError>),
}

impl From<DecodeError> for LoadError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(Box::new(error))
    }
}

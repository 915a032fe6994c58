//! Why reading on ends: one variant for each thing the caller can do next.

use annals_core::{BoxError, CheckpointError, DecodeError, Position, ReadError, ReadModelsError};
use thiserror::Error;

/// A subscription did not get on. It stands where it stood.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The log is not the one that was read before, or has lost its end. What was made of the
    /// events must be made anew from the start, or the log be attached that it was made from.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// The log could not be read, however often it was tried.
    #[error("the log could not be read")]
    Read(#[source] ReadError),
    /// An event does not decode. The error names it; the code or an upcaster must be mended.
    #[error(transparent)]
    Decode(Box<DecodeError>),
}

impl From<ReadError> for SubscriptionError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<CheckpointError> for SubscriptionError {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Read(error) => Self::Read(error),
            other => Self::Checkpoint(other),
        }
    }
}

/// A named subscription has ended before it was told to. Its checkpoint is after the last batch
/// that was handled, or after an earlier one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// It does not get on in the log.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// The events of a batch could not be handled, however often it was tried. Mend the cause and
    /// run it again: it goes on with the same batch.
    #[error("handling the events up to position {position} failed {attempts} times")]
    Handler {
        /// Where the batch ends.
        position: Position,
        /// How often it was tried.
        attempts: u32,
        /// What the handler said last.
        #[source]
        source: BoxError,
    },
    /// Somebody else has moved the checkpoint: another subscription goes by the same name. Both
    /// have handled the same events. Run only one of them, or give one another name.
    #[error("another subscription goes by the name {name:?}")]
    NotAlone {
        /// The name.
        name: String,
    },
    /// The checkpoint could not be loaded or saved, however often it was tried.
    #[error("the checkpoint could not be loaded or saved")]
    Checkpoints(#[source] ReadModelsError),
}

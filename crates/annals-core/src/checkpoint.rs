//! How far a reader of the log is.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::EventId;
use crate::position::Position;
use crate::read::ReadError;
use crate::store::BoxFuture;

/// How far a reader of the log is: it is done with everything up to a position.
///
/// It names the very event at that position. A log that was restored from a backup, or that lost
/// its end in a failover, may have grown past the position with other events; a reader that only
/// compared numbers would go on and never know what it has missed and what it has seen too much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last position that is done with.
    pub position: Position,
    /// The event there; `None` at position 0, where there is none.
    pub event_id: Option<EventId>,
}

impl Checkpoint {
    /// Before the first event.
    pub const START: Self = Self { position: Position::ZERO, event_id: None };
}

/// A checkpoint does not belong to the log. Whatever was built up to it describes events that the
/// log does not have: rebuild it from the start, or attach the log it was built from.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The log ends before it.
    #[error(
        "the checkpoint is at position {checkpoint}, the log ends at {head}: it was restored from \
         a backup, or lost its end"
    )]
    Ahead {
        /// Where the reader is.
        checkpoint: Position,
        /// Where the log ends.
        head: Position,
    },
    /// The log has another event there.
    #[error("the log has another event at position {position} than the one read there before")]
    OtherHistory {
        /// Where the reader is.
        position: Position,
    },
    /// The log could not be asked.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
}

/// Where named readers keep their checkpoints when they have no better place: a reader that writes
/// what it makes of the events keeps the checkpoint there, in the same transaction.
pub trait CheckpointStore: std::fmt::Debug + Send + Sync + 'static {
    /// The checkpoint of the reader `name`; [`Checkpoint::START`] if it has none yet.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`](crate::ReadModelsError), whose variants say what to do next.
    fn load_checkpoint(
        &self,
        name: &str,
    ) -> BoxFuture<'_, Result<Checkpoint, crate::ReadModelsError>>;

    /// Replaces the checkpoint `from` by `to`. What is acknowledged survives a crash of the
    /// process; after one of the machine an earlier one may come back, and events then come again.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Moved`](crate::ReadModelsError::Moved) if it is not at `from` any more,
    /// because another reader goes by the same name.
    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), crate::ReadModelsError>>;
}

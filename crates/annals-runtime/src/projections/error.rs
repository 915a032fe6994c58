//! Why a worker cannot go on.

use std::any::Any;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use annals_core::{
    ApplyError, BoxError, CheckpointError, LimitError, Position, ReadError, ReadModelsError,
};
use thiserror::Error;

use crate::subscription::SubscriptionError;

/// Why the workers of a generation have stopped in this process. Nothing gets better by itself:
/// mend what the text says, and start again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProjectionStopped {
    /// The read model was built from another log. Attach that one, or use another place for read
    /// models.
    #[error("the read model was built from another log")]
    OtherLog,
    /// The read model is ahead of the log, or has seen other events. Rebuild it.
    #[error("the read model does not belong to what the log holds now")]
    Checkpoint(#[source] CheckpointError),
    /// The log cannot be read any further.
    #[error("the log cannot be read")]
    Log(#[source] ReadError),
    /// So many streams stand still that it is the code that is wrong. Mend it, then retry the dead
    /// letters.
    #[error("{blocked} streams stand still behind dead letters, at most {blocked_max} may")]
    TooManyBlocked {
        /// How many stand still.
        blocked: usize,
        /// How many may.
        blocked_max: usize,
    },
    /// Writing what a single event changes takes longer than a lease lasts, time after time, and is
    /// undone each time. Give the projection a longer
    /// [`lease`](crate::ProjectionOptions::lease), or find out what its statements wait for.
    #[error("writing the event at {position} took {took:?}, a lease lasts {lease:?}")]
    TooSlow {
        /// The event.
        position: Position,
        /// How long it took the last time.
        took: Duration,
        /// How long it may take.
        lease: Duration,
    },
    /// The projection asks for more than a query can hold.
    #[error("the query of the projection exceeds a bound")]
    Query(#[from] LimitError),
    /// The read database refuses what has nothing to do with any event.
    #[error("the read database refuses to move the checkpoint")]
    Refused(#[source] BoxError),
    /// The projection's code, or the read database's, panicked outside of any event. Mend it.
    #[error("a worker panicked: {what}")]
    Panicked {
        /// What it said.
        what: String,
    },
}

impl ProjectionStopped {
    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panicked { what: text.unwrap_or("no text").to_owned() }
    }
}

/// Why a worker's round ended early.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody else has the partition, or the checkpoint is not where it was thought to be.
    Fenced,
    /// The generation is gone.
    Retired,
    /// It may work later.
    Unavailable(BoxError),
    /// It will not work.
    Stopped(ProjectionStopped),
}

impl Trouble {
    /// What is wrong; nothing if things have only changed meanwhile.
    pub(super) fn reason(self) -> Option<String> {
        match self {
            Self::Fenced | Self::Retired => None,
            Self::Unavailable(error) => Some(with_causes(&*error)),
            Self::Stopped(reason) => Some(with_causes(&reason)),
        }
    }
}

impl From<ReadModelsError> for Trouble {
    fn from(error: ReadModelsError) -> Self {
        match error {
            ReadModelsError::NotFound { .. } => Self::Retired,
            ReadModelsError::Moved { .. } => Self::Fenced,
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<ApplyError> for Trouble {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Fenced => Self::Fenced,
            ApplyError::Rejected { source } => Self::Stopped(ProjectionStopped::Refused(source)),
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { .. } => Self::Unavailable(error.into()),
            other => Self::Stopped(ProjectionStopped::Log(other)),
        }
    }
}

impl From<CheckpointError> for Trouble {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Read(error) => error.into(),
            other => Self::Stopped(ProjectionStopped::Checkpoint(other)),
        }
    }
}

impl From<SubscriptionError> for Trouble {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::Checkpoint(error) => error.into(),
            SubscriptionError::Read(error) => error.into(),
            // Only typed subscriptions decode.
            SubscriptionError::Decode(error) => Self::Unavailable(error),
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {source}");
        cause = source.source();
    }
    text
}

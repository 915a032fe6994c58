//! What errors of the framework are told as.
//!
//! Each is matched by variant, so that a new one is thought about; what is not known here is
//! internal.

use annals_core::{LimitError, ReadError, ReadModelsError, SagaError};
use annals_runtime::{ExecuteError, LoadError, SagasError, StatusError, WaitError};

use super::{Kind, Problem, Refusal};

impl<E: Refusal + 'static> From<ExecuteError<E>> for Problem {
    fn from(error: ExecuteError<E>) -> Self {
        match &error {
            ExecuteError::Rejected(rejection) => Self::refusal(rejection),
            ExecuteError::SequenceMismatch { expected, actual, .. } => Self::new(
                Kind::PRECONDITION_FAILED,
                format!("it is at sequence {actual}, {expected} was expected"),
            ),
            ExecuteError::CommandIdReused { .. } => Self::key_reused(),
            ExecuteError::Invalid(invalid) => Self::new(Kind::INVALID_BODY, invalid.to_string()),
            ExecuteError::Contention { .. } => Self::temporary(Kind::BUSY, &error),
            ExecuteError::Unknown { .. } => Self::temporary(Kind::OUTCOME_UNKNOWN, &error),
            ExecuteError::Unavailable { .. } | ExecuteError::Closed { .. } => {
                Self::temporary(Kind::UNAVAILABLE, &error)
            }
            ExecuteError::NotVisible { token, .. } => {
                Self::temporary(Kind::NOT_VISIBLE, &error).with_token(*token)
            }
            ExecuteError::Load(_) => match error {
                ExecuteError::Load(load) => load.into(),
                other => Self::internal(&other),
            },
            _ => Self::internal(&error),
        }
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::SequenceAhead { asked, actual, .. } => Self::new(
                Kind::SEQUENCE_AHEAD,
                format!("it is at sequence {actual}, {asked} was asked for"),
            ),
            LoadError::Invalid(limit) => limit.into(),
            LoadError::Read(read) => read.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { .. } | ReadError::Closed { .. } => {
                Self::temporary(Kind::UNAVAILABLE, &error)
            }
            other => Self::internal(&other),
        }
    }
}

/// For names and ids that came with the request.
impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        Self::new(Kind::MALFORMED_PATH, error.to_string())
    }
}

impl From<WaitError> for Problem {
    fn from(error: WaitError) -> Self {
        match error {
            // Nothing is wrong with the service, so its log stays silent.
            WaitError::TooLate { asked, reached, .. } => Self::new(
                Kind::READ_MODEL_BEHIND,
                format!("the read model has reached position {reached}, {asked} was asked for"),
            )
            .with_position(reached),
            WaitError::OtherLog { .. } => Self::new(
                Kind::TOKEN_OF_ANOTHER_LOG,
                "forget it, and ask without one for what there is",
            ),
            WaitError::NotServing { .. } => {
                Self::new(Kind::READ_MODEL_NOT_BUILT, "it can be asked once it has caught up")
            }
            other => Self::temporary(Kind::READ_MODELS_UNAVAILABLE, &other),
        }
    }
}

impl From<ReadModelsError> for Problem {
    fn from(error: ReadModelsError) -> Self {
        match error {
            ReadModelsError::NotFound { .. } => Self::new(Kind::NOT_FOUND, error.to_string()),
            ReadModelsError::Moved { .. } => Self::new(Kind::MOVED, error.to_string()),
            ReadModelsError::Refused { .. } => Self::new(Kind::REFUSED, error.to_string()),
            other => Self::temporary(Kind::READ_MODELS_UNAVAILABLE, &other),
        }
    }
}

impl From<StatusError> for Problem {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::ReadModels(error) => error.into(),
            StatusError::Log(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl Refusal for SagaError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::NOT_FOUND,
            Self::Settled => Kind::MOVED,
            _ => Kind::REFUSED,
        }
    }
}

impl From<SagasError> for Problem {
    fn from(error: SagasError) -> Self {
        match error {
            SagasError::UnknownSaga { .. } | SagasError::NotFound { .. } => {
                Self::new(Kind::NOT_FOUND, error.to_string())
            }
            SagasError::Refused(refused) => Self::refusal(&refused),
            SagasError::Limit(limit) => Self::new(Kind::INVALID_BODY, limit.to_string()),
            SagasError::List(ReadModelsError::NotFound { .. }) => {
                Self::new(Kind::READ_MODEL_NOT_BUILT, "it can be asked once it has caught up")
            }
            SagasError::List(error) => error.into(),
            SagasError::Load(error) => error.into(),
            SagasError::Order(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl Problem {
    /// The idempotency key was used before, for something else.
    pub(crate) fn key_reused() -> Self {
        let detail = "the idempotency key was used before with another body; use a new one";
        Self::new(Kind::COMMAND_ID_REUSED, detail)
    }
}

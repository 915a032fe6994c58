//! Why a query is not answered, by what its caller can do next.

use annals::{BoxError, Position, ReadModelsError, WaitError};
use thiserror::Error;

use crate::account::AccountError;
use crate::account_statement::Month;

/// A query is not answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The read model knows of no such account. If it was opened a moment ago, present the
    /// consistency token that came with that.
    #[error("{} as of position {position}", AccountError::NotFound)]
    NotFound {
        /// How far the read model is.
        position: Position,
    },
    /// Nothing moved on the account in that period.
    #[error("nothing moved on the account in {period}, as of position {position}")]
    PeriodNotFound {
        /// The period.
        period: Month,
        /// How far the read model is.
        position: Position,
    },
    /// The read model is older than the consistency token asks for. Ask again with the same token,
    /// or without one for older data.
    #[error("the read model has reached position {reached}, {asked} was asked for")]
    Behind {
        /// What was asked for.
        asked: Position,
        /// How far the read model is.
        reached: Position,
    },
    /// The consistency token is about another log. Forget it.
    #[error("the consistency token is about another log")]
    OtherLog(#[source] WaitError),
    /// The read model has not been built yet. Ask again later; if that does not help, look at the
    /// status of the projections.
    #[error("the read model is being built")]
    NotBuilt,
    /// The read models cannot be read now. Try again later.
    #[error("the read models are unavailable")]
    Unavailable(#[source] BoxError),
    /// The program or the read model is broken. The sources say where.
    #[error("something is broken")]
    Internal(#[source] BoxError),
}

impl QueryError {
    /// The stable name of what went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => AccountError::NotFound.code(),
            Self::PeriodNotFound { .. } => "period_not_found",
            Self::Behind { .. } => "read_model_behind",
            Self::OtherLog(_) => "token_of_another_log",
            Self::NotBuilt => "read_model_not_built",
            Self::Unavailable(_) => "read_models_unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<WaitError> for QueryError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TooLate { asked, reached, .. } => Self::Behind { asked, reached },
            WaitError::OtherLog { .. } => Self::OtherLog(error),
            WaitError::NotServing { .. } => Self::NotBuilt,
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<ReadModelsError> for QueryError {
    fn from(error: ReadModelsError) -> Self {
        match error {
            ReadModelsError::NotFound { .. } => Self::NotBuilt,
            ReadModelsError::Unavailable { .. } => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}

//! What can go wrong in an operation, by what its caller can do next.

use std::error::Error;

use annals::{BoxError, ExecuteError, LoadError, ReadError, Sequence};
use thiserror::Error;

use crate::account::AccountError;

/// An operation did not succeed. Unless it says otherwise, nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BankError {
    /// There is no such account. Open it first.
    #[error("{}", AccountError::NotFound)]
    NotFound,
    /// The account was opened after the moment that was asked for.
    #[error("the account had not been opened by then")]
    NotOpenedThen,
    /// A rule forbids it.
    #[error(transparent)]
    Rejected(AccountError),
    /// The account has not come that far. Ask for a sequence up to `actual`.
    #[error("the account is at sequence {actual}, {asked} was asked for")]
    SequenceAhead {
        /// What was asked for.
        asked: Sequence,
        /// Where the account is.
        actual: Sequence,
    },
    /// The command id names another command. Use a new id for a new command.
    #[error("the command id was used for another command")]
    CommandIdReused,
    /// It is not at the sequence that the caller expects. Look at it, and ask again.
    #[error("it is at sequence {actual}, {expected} was expected")]
    SequenceMismatch {
        /// What is expected.
        expected: Sequence,
        /// Where it is.
        actual: Sequence,
    },
    /// Others were faster, every time. Try again.
    #[error("too many others change this account")]
    Busy(#[source] BoxError),
    /// The log cannot be read or written now. Try again later.
    #[error("the log is unavailable")]
    Unavailable(#[source] BoxError),
    /// It is not known whether the command was executed. Repeat it with the same command id.
    #[error("it is not known whether the command was executed")]
    OutcomeUnknown(#[source] BoxError),
    /// It is executed and durable, but the read models do not show it yet. Do not execute it anew.
    #[error("the command is executed, but the read models do not show it yet")]
    NotVisible(#[source] BoxError),
    /// The program or the log is broken. The sources say where.
    #[error("something is broken")]
    Internal(#[source] BoxError),
}

impl BankError {
    /// The stable name of what went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::NotFound => AccountError::NotFound.code(),
            Self::NotOpenedThen => "account_not_opened_then",
            Self::SequenceAhead { .. } => "sequence_ahead",
            Self::CommandIdReused => "command_id_reused",
            Self::SequenceMismatch { .. } => "precondition_failed",
            Self::Busy(_) => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::NotVisible(_) => "not_visible",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<ExecuteError<AccountError>> for BankError {
    fn from(error: ExecuteError<AccountError>) -> Self {
        match error {
            ExecuteError::Rejected(AccountError::NotFound) => Self::NotFound,
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            error => Self::of_attempt(error),
        }
    }
}

impl BankError {
    /// What stood in the way, other than a rule of the bank.
    pub(crate) fn of_attempt<E: Error + Send + Sync + 'static>(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::CommandIdReused { .. } => Self::CommandIdReused,
            ExecuteError::SequenceMismatch { expected, actual, .. } => {
                Self::SequenceMismatch { expected, actual }
            }
            ExecuteError::Load(error) => error.into(),
            ExecuteError::Contention { .. } => Self::Busy(error.into()),
            ExecuteError::Unknown { .. } => Self::OutcomeUnknown(error.into()),
            ExecuteError::Unavailable { .. } | ExecuteError::Closed { .. } => {
                Self::Unavailable(error.into())
            }
            ExecuteError::NotVisible { .. } => Self::NotVisible(error.into()),
            broken => Self::Internal(broken.into()),
        }
    }
}

impl From<LoadError> for BankError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::SequenceAhead { asked, actual, .. } => Self::SequenceAhead { asked, actual },
            LoadError::Read(ReadError::Unavailable { .. } | ReadError::Closed { .. }) => {
                Self::Unavailable(error.into())
            }
            broken => Self::Internal(broken.into()),
        }
    }
}

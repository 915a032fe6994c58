//! What can go wrong with a transfer, by what its caller can do next.

use annals::{ExecuteError, LimitError, LoadError};
use thiserror::Error;

use crate::bank::BankError;
use crate::instant_transfer::InstantTransferError;
use crate::transfer::TransferError;

/// An operation did not succeed. Unless it says otherwise, nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransfersError {
    /// There is no such transfer.
    #[error("{}", TransferError::NotFound)]
    NotFound,
    /// It is no transfer, or was asked for before.
    #[error(transparent)]
    Rejected(TransferError),
    /// It cannot be made in one step as the accounts are now.
    #[error(transparent)]
    NotMade(InstantTransferError),
    /// What can go wrong with every operation.
    #[error(transparent)]
    Bank(#[from] BankError),
}

impl TransfersError {
    /// The stable name of what went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => TransferError::NotFound.code(),
            Self::Rejected(rejection)
            | Self::NotMade(InstantTransferError::Transfer(rejection)) => rejection.code(),
            Self::NotMade(
                InstantTransferError::Source { rejection, .. }
                | InstantTransferError::Target { rejection, .. },
            ) => rejection.code(),
            Self::Bank(error) => error.code(),
        }
    }

    pub(super) fn of_execution(error: ExecuteError<TransferError>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            error => Self::Bank(BankError::of_attempt(error)),
        }
    }

    pub(super) fn of_decision(error: ExecuteError<InstantTransferError>) -> Self {
        match error {
            ExecuteError::Rejected(InstantTransferError::Transfer(rejection)) => {
                Self::Rejected(rejection)
            }
            ExecuteError::Rejected(rejection) => Self::NotMade(rejection),
            error => Self::Bank(BankError::of_attempt(error)),
        }
    }
}

impl From<LoadError> for TransfersError {
    fn from(error: LoadError) -> Self {
        Self::Bank(error.into())
    }
}

impl From<LimitError> for TransfersError {
    fn from(error: LimitError) -> Self {
        Self::Bank(BankError::Internal(error.into()))
    }
}

//! Why a step of the saga is rejected.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::AccountError;
use crate::transfer::TransferError;

/// Why a step of the saga is rejected. Written to the log.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferRejection {
    /// A rule of the account forbids it.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A rule of the transfer forbids it.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl TransferRejection {
    /// The rule's stable name, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Account(rejection) => rejection.code(),
            Self::Transfer(rejection) => rejection.code(),
        }
    }
}

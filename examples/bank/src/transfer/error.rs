//! Why a transfer is refused.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::AccountId;
use crate::money::Money;

/// The rule that forbids a command. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferError {
    /// There is no such transfer.
    #[error("the transfer does not exist")]
    NotFound,
    /// There is a transfer with that id. Choose another one.
    #[error("the transfer has already been requested")]
    AlreadyRequested,
    /// It is completed, or has failed.
    #[error("the transfer has ended")]
    Ended,
    /// A transfer leads from one account to another.
    #[error("the money would come from and go to the same account, {account_id}")]
    SameAccount {
        /// Which one.
        account_id: AccountId,
    },
    /// A transfer moves something.
    #[error("an amount must be more than zero, but it is {amount}")]
    AmountNotPositive {
        /// What was asked for.
        amount: Money,
    },
}

impl TransferError {
    /// The rule's stable name, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "transfer_not_found",
            Self::AlreadyRequested => "transfer_already_requested",
            Self::Ended => "transfer_ended",
            Self::SameAccount { .. } => "same_account",
            Self::AmountNotPositive { .. } => "amount_not_positive",
        }
    }
}

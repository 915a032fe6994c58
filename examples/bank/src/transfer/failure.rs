//! Why a transfer failed, for those who asked for it.

use serde::{Deserialize, Serialize};

use crate::account::{AccountError, AccountId};

/// Why a transfer failed, for those who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferFailure {
    /// The stable name of the rule that forbade it, for programs.
    pub code: String,
    /// What stood in the way, for people.
    pub reason: String,
}

impl TransferFailure {
    /// The code of transfers that an operator had undone.
    pub const COMPENSATED: &'static str = "compensated_by_operator";

    /// Nothing can be taken from the account it was to come from.
    #[must_use]
    pub fn of_source(account_id: &AccountId, rejection: &AccountError) -> Self {
        let reason = format!("cannot withdraw from {account_id}: {rejection}");
        Self { code: rejection.code().to_owned(), reason }
    }

    /// Nothing can be paid into the account it was to go to.
    #[must_use]
    pub fn of_target(account_id: &AccountId, rejection: &AccountError) -> Self {
        let reason = format!("cannot deposit to {account_id}: {rejection}");
        Self { code: rejection.code().to_owned(), reason }
    }
}

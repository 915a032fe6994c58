//! What the saga asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::TransferRejection;
use crate::account::AccountId;
use crate::money::{CURRENCY, Money};
use crate::transfer::{TransferFailure, TransferId};

/// What the saga asks for. Written to the log, as events are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStep {
    /// Take the money from the account it is to come from.
    Withdraw(AccountMove),
    /// Put it back there.
    Refund(AccountMove),
    /// Put it on the account it is to go to.
    Deposit(AccountMove),
    /// Take it from there again.
    TakeBack(AccountMove),
    /// Tell the transfer that it is completed.
    Complete {
        /// Which one.
        transfer_id: TransferId,
    },
    /// Tell the transfer that it has failed.
    Fail {
        /// Which one.
        transfer_id: TransferId,
        /// Why.
        failure: TransferFailure,
    },
}

/// Money to be moved on one account, for a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMove {
    /// For which transfer.
    pub transfer_id: TransferId,
    /// On which account.
    pub account_id: AccountId,
    /// How much.
    pub amount: Money,
}

impl TransferStep {
    /// Why the transfer fails if this is rejected.
    pub(super) fn failure(&self, rejection: &TransferRejection) -> TransferFailure {
        match (self, rejection) {
            (Self::Withdraw(source), TransferRejection::Account(rejection)) => {
                TransferFailure::of_source(&source.account_id, rejection)
            }
            (Self::Deposit(target), TransferRejection::Account(rejection)) => {
                TransferFailure::of_target(&target.account_id, rejection)
            }
            _ => {
                TransferFailure { code: rejection.code().to_owned(), reason: rejection.to_string() }
            }
        }
    }
}

/// In words, for those who look at what happened.
impl fmt::Display for TransferStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut moving = |verb: &str, of: &AccountMove, preposition: &str| {
            let AccountMove { account_id, amount, .. } = of;
            write!(formatter, "{verb} {amount} {CURRENCY} {preposition} {account_id}")
        };
        match self {
            Self::Withdraw(source) => moving("withdraw", source, "from"),
            Self::Refund(source) => moving("refund", source, "to"),
            Self::Deposit(target) => moving("deposit", target, "to"),
            Self::TakeBack(target) => moving("take back", target, "from"),
            Self::Complete { .. } => formatter.write_str("complete the transfer"),
            Self::Fail { .. } => formatter.write_str("let the transfer fail"),
        }
    }
}

//! Why a command is rejected.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::money::Money;

/// The rule that forbids a command. Nothing was written.
///
/// Where a saga asked, the rejection stands in the log as part of the saga's history.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountError {
    /// There is no such account. Open it first.
    #[error("the account does not exist")]
    NotFound,
    /// An account is opened once, also if it was closed since. Choose another id.
    #[error("the account has already been opened")]
    AlreadyOpened,
    /// A closed account accepts nothing.
    #[error("the account is closed")]
    Closed,
    /// Nobody starts with debts.
    #[error("an initial balance must not be negative, but it is {initial_balance}")]
    NegativeInitialBalance {
        /// What was asked for.
        initial_balance: Money,
    },
    /// Deposits and withdrawals move something, in their own direction.
    #[error("an amount must be more than zero, but it is {amount}")]
    AmountNotPositive {
        /// What was asked for.
        amount: Money,
    },
    /// Only what is there can be taken out.
    #[error("the balance is {balance}, which does not cover {amount}")]
    InsufficientFunds {
        /// What is there.
        balance: Money,
        /// What was asked for.
        amount: Money,
    },
    /// An account is emptied before it is closed.
    #[error("the balance must be zero, but it is {balance}")]
    BalanceNotZero {
        /// What is there.
        balance: Money,
    },
    /// A balance is bounded by [`Money::MAX`].
    #[error("a balance of {balance} and {amount} more is too much to be counted")]
    BalanceOverflow {
        /// What is there.
        balance: Money,
        /// What was to be paid in.
        amount: Money,
    },
}

impl AccountError {
    /// The rule's stable name, for programs. It is in HTTP problems and in refused rows of imports.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "account_not_found",
            Self::AlreadyOpened => "account_already_opened",
            Self::Closed => "account_closed",
            Self::NegativeInitialBalance { .. } => "negative_initial_balance",
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::BalanceNotZero { .. } => "balance_not_zero",
            Self::BalanceOverflow { .. } => "balance_overflow",
        }
    }
}

//! Why an event cannot be taken into the read model.

use thiserror::Error;

/// An event does not fit what is there. The rules of the account make that impossible, so either
/// the log was written by other code, or an earlier event of the account was discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// The account is there already.
    #[error("the account was opened twice")]
    OpenedTwice,
    /// There is no row of an account that is to be changed.
    #[error("{missing} of the accounts were never opened")]
    NeverOpened {
        /// How many.
        missing: u64,
    },
    /// The balance of the account cannot be counted.
    #[error("the balance of the account would be too large to be counted")]
    BalanceOverflow,
    /// The total of the accounts in use cannot be counted.
    #[error("the total balance of active accounts would be too large to be counted")]
    TotalOverflow,
    /// A total in the table is no number.
    #[error("a total balance in the table is not a number")]
    TotalForm,
}

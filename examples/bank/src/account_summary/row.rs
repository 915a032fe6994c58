//! What is read from the tables.

use annals::BoxError;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{AccountCursor, SummaryError};
use crate::account::AccountId;
use crate::money::{CURRENCY, Money, Total};

/// An account as queries see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountSummaryRow {
    /// Which account.
    pub account_id: AccountId,
    /// Whose it is.
    pub owner_name: String,
    /// What is on it, in minor units.
    pub balance: Money,
    /// The currency of the balance.
    pub currency: &'static str,
    /// Whether it accepts deposits and withdrawals.
    pub is_active: bool,
    /// When it was opened, in whole microseconds.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, in whole microseconds.
    pub updated_at: DateTime<Utc>,
}

impl AccountSummaryRow {
    /// Its place in the list of active accounts.
    #[must_use]
    pub fn cursor(&self) -> AccountCursor {
        AccountCursor { created_at: self.created_at, account_id: self.account_id.clone() }
    }
}

/// The columns of an account, in the order of the statements.
pub(super) type AccountColumns = (String, String, i64, bool, DateTime<Utc>, DateTime<Utc>);

impl TryFrom<AccountColumns> for AccountSummaryRow {
    type Error = BoxError;

    fn try_from(columns: AccountColumns) -> Result<Self, BoxError> {
        let (account_id, owner_name, balance, is_active, created_at, updated_at) = columns;
        Ok(Self {
            account_id: AccountId::new(account_id)?,
            owner_name,
            balance: Money::from_minor(balance),
            currency: CURRENCY,
            is_active,
            created_at,
            updated_at,
        })
    }
}

/// All accounts in use, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ActiveTotal {
    /// What is on them, in minor units.
    pub balance: Total,
    /// The currency of the balance.
    pub currency: &'static str,
    /// How many there are.
    pub accounts: i64,
}

impl Default for ActiveTotal {
    fn default() -> Self {
        Self { balance: Total::default(), currency: CURRENCY, accounts: 0 }
    }
}

/// The columns of the total of a partition, with the balance as text.
pub(super) type TotalColumns = (String, i64);

impl ActiveTotal {
    /// The sum over partitions.
    pub(super) fn of(
        partitions: impl IntoIterator<Item = TotalColumns>,
    ) -> Result<Self, SummaryError> {
        partitions.into_iter().try_fold(Self::default(), Self::plus)
    }

    /// The sum with one more partition, or with what changes about one.
    pub(super) fn plus(self, (balance, accounts): TotalColumns) -> Result<Self, SummaryError> {
        let balance =
            balance.parse().map(Total::from_minor).map_err(|_| SummaryError::TotalForm)?;
        let balance = self.balance.checked_add(balance).ok_or(SummaryError::TotalOverflow)?;
        let accounts = self.accounts.checked_add(accounts).ok_or(SummaryError::TotalOverflow)?;
        Ok(Self { balance, accounts, ..self })
    }
}

//! What a number of events changes.

use std::collections::BTreeMap;

use annals::Partition;
use chrono::{DateTime, Utc};

use super::SummaryError;
use crate::account::OwnerName;
use crate::money::{Money, Total};

/// What a number of events changes: one change for each row they touch, however many events do.
#[derive(Debug, Default)]
pub struct SummaryChanges {
    /// By account id.
    pub accounts: BTreeMap<String, AccountChange>,
    /// By partition.
    pub totals: BTreeMap<Partition, TotalChange>,
}

/// What changes about an account: its row is made if it was opened, else changed.
#[derive(Debug)]
pub struct AccountChange {
    /// It was opened.
    pub opening: Option<Opening>,
    /// By how much its balance changes, from zero if it was opened.
    pub balance: Money,
    /// It was closed.
    pub is_closed: bool,
    /// When the last of this happened.
    pub updated_at: DateTime<Utc>,
}

/// How an account was opened.
#[derive(Debug)]
pub struct Opening {
    /// Whose it is.
    pub owner_name: OwnerName,
    /// When.
    pub opened_at: DateTime<Utc>,
}

/// What changes about the total of the accounts in use that belong to a partition.
#[derive(Debug, Default)]
pub struct TotalChange {
    /// By how much their balances change, all together.
    pub balance: Total,
    /// How many more there are.
    pub accounts: i64,
}

impl SummaryChanges {
    pub(super) fn account(&mut self, id: &str, now: DateTime<Utc>) -> &mut AccountChange {
        // Most events are about an account that is not new to the batch: no text is copied for
        // them.
        if !self.accounts.contains_key(id) {
            let change = AccountChange {
                opening: None,
                balance: Money::ZERO,
                is_closed: false,
                updated_at: now,
            };
            self.accounts.insert(id.to_owned(), change);
        }
        self.accounts.get_mut(id).expect("it has just been put there")
    }

    pub(super) fn total(&mut self, partition: Partition) -> &mut TotalChange {
        self.totals.entry(partition).or_default()
    }
}

impl AccountChange {
    pub(super) fn open(
        &mut self,
        owner_name: OwnerName,
        opened_at: DateTime<Utc>,
    ) -> Result<(), SummaryError> {
        if self.opening.is_some() {
            return Err(SummaryError::OpenedTwice);
        }
        self.opening = Some(Opening { owner_name, opened_at });
        Ok(())
    }

    pub(super) fn add(&mut self, amount: Money) -> Result<(), SummaryError> {
        self.balance = self.balance.checked_add(amount).ok_or(SummaryError::BalanceOverflow)?;
        Ok(())
    }

    pub(super) fn subtract(&mut self, amount: Money) -> Result<(), SummaryError> {
        self.balance = self.balance.checked_sub(amount).ok_or(SummaryError::BalanceOverflow)?;
        Ok(())
    }
}

impl TotalChange {
    pub(super) fn add(&mut self, balance: Total, accounts: i64) -> Result<(), SummaryError> {
        self.balance = self.balance.checked_add(balance).ok_or(SummaryError::TotalOverflow)?;
        self.accounts = self.accounts.checked_add(accounts).ok_or(SummaryError::TotalOverflow)?;
        Ok(())
    }
}

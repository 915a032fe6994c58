//! The documents of a statement.

use annals::{EventEnvelope, Sequence};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Month;
use crate::account::AccountEvent;
use crate::money::Money;
use crate::transfer::TransferId;

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StatementDocument {
    /// An account.
    Account {
        /// What is on it.
        balance: Money,
    },
    /// A month of an account.
    Month(MonthTotals),
    /// Entries of a month.
    Entries {
        /// By sequence.
        entries: Vec<Entry>,
    },
}

/// A month of an account, taken together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthTotals {
    /// Which one.
    pub period: Month,
    /// What was on the account when it began.
    pub opening_balance: Money,
    /// What was on it after the last entry.
    pub closing_balance: Money,
    /// How many entries there are.
    pub entry_count: u64,
    /// The sequence of the last of them.
    pub last_sequence: Sequence,
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the account's history.
    pub sequence: Sequence,
    /// When the log took it.
    pub at: DateTime<Utc>,
    /// What it is.
    pub kind: EntryKind,
    /// By how much the balance changed: negative if something was taken out.
    pub amount: Money,
    /// What was on the account then.
    pub balance: Money,
    /// For which transfer it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_id: Option<TransferId>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The account was opened.
    Opening,
    /// Something was paid in.
    Deposit,
    /// Something was taken out.
    Withdrawal,
    /// The account was closed.
    Closing,
}

/// An event does not fit the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The balance cannot be counted. The rules of the account make that impossible.
    #[error("the balance of the account would be too large to be counted")]
    BalanceOverflow,
    /// There is another kind of document under the key. The code was changed without its version.
    #[error("there is another kind of document under the key")]
    OtherKind,
}

impl StatementDocument {
    /// What is on the account.
    pub(super) fn balance(document: Option<&Self>) -> Result<Money, StatementError> {
        match document {
            None => Ok(Money::ZERO),
            Some(Self::Account { balance }) => Ok(*balance),
            Some(_) => Err(StatementError::OtherKind),
        }
    }

    /// The month, which begins with this balance if it is new.
    pub(super) fn month(
        document: Option<&Self>,
        period: Month,
        balance: Money,
    ) -> Result<MonthTotals, StatementError> {
        match document {
            None => Ok(MonthTotals {
                period,
                opening_balance: balance,
                closing_balance: balance,
                entry_count: 0,
                last_sequence: Sequence::ZERO,
            }),
            Some(Self::Month(totals)) => Ok(totals.clone()),
            Some(_) => Err(StatementError::OtherKind),
        }
    }

    pub(super) fn entries(document: Option<&Self>) -> Result<Vec<Entry>, StatementError> {
        match document {
            None => Ok(Vec::new()),
            Some(Self::Entries { entries }) => Ok(entries.clone()),
            Some(_) => Err(StatementError::OtherKind),
        }
    }
}

impl MonthTotals {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.closing_balance = entry.balance;
        self.entry_count += 1;
        self.last_sequence = entry.sequence;
    }
}

impl Entry {
    /// What an event is on the statement of an account with this balance.
    pub(super) fn new(
        event: &EventEnvelope<AccountEvent>,
        before: Money,
    ) -> Result<Self, StatementError> {
        let (kind, amount, transfer_id) = match &event.event {
            AccountEvent::AccountOpened { initial_balance, .. } => {
                (EntryKind::Opening, *initial_balance, None)
            }
            AccountEvent::MoneyDeposited { amount, transfer_id, .. } => {
                (EntryKind::Deposit, *amount, *transfer_id)
            }
            AccountEvent::MoneyWithdrawn { amount, transfer_id, .. } => {
                let less =
                    Money::ZERO.checked_sub(*amount).ok_or(StatementError::BalanceOverflow)?;
                (EntryKind::Withdrawal, less, *transfer_id)
            }
            AccountEvent::AccountClosed { .. } => (EntryKind::Closing, Money::ZERO, None),
        };
        let balance = before.checked_add(amount).ok_or(StatementError::BalanceOverflow)?;
        let (sequence, at) = (event.sequence, event.timestamp);
        Ok(Self { sequence, at, kind, amount, balance, transfer_id })
    }
}

//! What can happen to an account.

use annals::DomainEvent;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::OwnerName;
use crate::money::Money;
use crate::transfer::TransferId;

/// What can happen to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
pub enum AccountEvent {
    /// It was opened.
    AccountOpened {
        /// Whose it is.
        owner_name: OwnerName,
        /// What was on it from the start.
        initial_balance: Money,
        /// When.
        opened_at: DateTime<Utc>,
    },
    /// Something was paid in.
    MoneyDeposited {
        /// How much.
        amount: Money,
        /// When.
        deposited_at: DateTime<Utc>,
        /// For which transfer: it arrives, or comes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[tag("transfer")]
        transfer_id: Option<TransferId>,
    },
    /// Something was taken out.
    MoneyWithdrawn {
        /// How much.
        amount: Money,
        /// When.
        withdrawn_at: DateTime<Utc>,
        /// For which transfer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[tag("transfer")]
        transfer_id: Option<TransferId>,
    },
    /// It was closed, with nothing left on it.
    AccountClosed {
        /// When.
        closed_at: DateTime<Utc>,
    },
}

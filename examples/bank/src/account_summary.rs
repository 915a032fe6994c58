//! The accounts as queries see them, and the total of all that are in use.
//!
//! What an event changes is said here, in the words of the domain; how changes become rows is said
//! once for each database, beside it, and is SQL and nothing else.

mod changes;
mod cursor;
mod error;
mod postgres;
mod row;
mod sqlite;
mod tables;

use annals::{BoxError, EventEnvelope, Partition, Projection};

use crate::account::AccountEvent;
use crate::money::Total;

pub use self::changes::{AccountChange, Opening, SummaryChanges, TotalChange};
pub use self::cursor::{AccountCursor, AccountCursorError};
pub use self::error::SummaryError;
pub use self::row::{AccountSummaryRow, ActiveTotal};
pub use self::tables::SummaryTables;

/// Builds the table `account_query_model`, with a row for each account, and the table
/// `active_account_total`, with a row for each partition, so that partitions that are written at
/// the same time do not wait for each other.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountSummary;

impl Projection for AccountSummary {
    const NAME: &'static str = "account_summary";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = AccountEvent;
    type Changes = SummaryChanges;

    fn project(
        &self,
        event: EventEnvelope<AccountEvent>,
        changes: &mut SummaryChanges,
    ) -> Result<(), BoxError> {
        let partition = Partition::of(&event.stream, Self::PARTITIONS);
        let account = changes.account(event.stream.aggregate_id(), event.timestamp);
        match event.event {
            AccountEvent::AccountOpened { owner_name, initial_balance, opened_at } => {
                account.open(owner_name, opened_at)?;
                account.add(initial_balance)?;
                account.updated_at = opened_at;
                changes.total(partition).add(Total::from(initial_balance), 1)?;
            }
            AccountEvent::MoneyDeposited { amount, deposited_at, .. } => {
                account.add(amount)?;
                account.updated_at = deposited_at;
                changes.total(partition).add(Total::from(amount), 0)?;
            }
            AccountEvent::MoneyWithdrawn { amount, withdrawn_at, .. } => {
                account.subtract(amount)?;
                account.updated_at = withdrawn_at;
                changes.total(partition).add(Total::from_minor(-i128::from(amount.minor())), 0)?;
            }
            // Nothing is left on an account that is closed, so the total stays.
            AccountEvent::AccountClosed { closed_at } => {
                account.is_closed = true;
                account.updated_at = closed_at;
                changes.total(partition).add(Total::default(), -1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

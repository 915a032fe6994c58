//! What moved on an account, month by month, with the balance after each entry: a read model of
//! documents, which needs no SQL.
//!
//! | Key | Document |
//! |---|---|
//! | `ID` | the account: its balance, and so where the next month begins |
//! | `ID/months/2026-01` | a month: its first and last balance, and how much moved |
//! | `ID/entries/2026-01/00000000000000000003` | [`PART_SEQUENCES`] sequences, as far as they are
//! in that month |
//!
//! Each event rewrites the documents it concerns whole, so none may grow with the number of events:
//! the entries of a month are divided by their sequence, [`PART_SEQUENCES`] in a document.

mod document;
mod month;

use annals::{BoxError, DocumentSet, Documents, EventEnvelope, Sequence};

use crate::account::AccountEvent;

pub use self::document::{Entry, EntryKind, MonthTotals, StatementDocument, StatementError};
pub use self::month::{Month, MonthError};

/// How many sequences share a document of entries.
///
/// An entry is about 100 bytes, so a document stays below 10 KB, and the three documents an event
/// reads and writes cost about as much as a page of the database each.
pub const PART_SEQUENCES: u64 = 100;

/// Builds the statements of all accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountStatement;

impl Documents for AccountStatement {
    const NAME: &'static str = "account_statement";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = AccountEvent;
    type Document = StatementDocument;

    fn keys(&self, event: &EventEnvelope<AccountEvent>) -> Vec<String> {
        let id = event.stream.aggregate_id();
        let month = Month::of(event.timestamp);
        vec![id.to_owned(), month_key(id, month), part_key(id, month, part_of(event.sequence))]
    }

    /// Months are those in which the log took the events: its time never steps back, so that each
    /// month begins where the one before ended.
    fn apply(
        &self,
        event: &EventEnvelope<AccountEvent>,
        documents: &mut DocumentSet<StatementDocument>,
    ) -> Result<(), BoxError> {
        let id = event.stream.aggregate_id();
        let month = Month::of(event.timestamp);
        let (month_key, part_key) =
            (month_key(id, month), part_key(id, month, part_of(event.sequence)));

        let before = StatementDocument::balance(documents.find(id))?;
        let entry = Entry::new(event, before)?;
        let mut totals = StatementDocument::month(documents.find(&month_key), month, before)?;
        totals.add(&entry);
        let mut entries = StatementDocument::entries(documents.find(&part_key))?;
        documents.put(id, StatementDocument::Account { balance: entry.balance })?;
        entries.push(entry);
        documents.put(&month_key, StatementDocument::Month(totals))?;
        documents.put(&part_key, StatementDocument::Entries { entries })?;
        Ok(())
    }
}

/// Which document of entries has the one with this sequence.
#[must_use]
pub fn part_of(sequence: Sequence) -> u64 {
    sequence.get() / PART_SEQUENCES
}

/// Keys of all months of an account begin with this.
#[must_use]
pub fn months_prefix(id: &str) -> String {
    format!("{id}/months/")
}

/// The key of a month.
#[must_use]
pub fn month_key(id: &str, month: Month) -> String {
    format!("{}{month}", months_prefix(id))
}

/// Keys of all documents of entries of a month begin with this.
#[must_use]
pub fn parts_prefix(id: &str, month: Month) -> String {
    format!("{id}/entries/{month}/")
}

/// The key of a document of entries. Twenty digits are those of the highest sequence, so that the
/// order of the keys is that of the entries.
#[must_use]
pub fn part_key(id: &str, month: Month, part: u64) -> String {
    format!("{}{part:020}", parts_prefix(id, month))
}

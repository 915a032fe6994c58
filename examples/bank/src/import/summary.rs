//! What an import comes to.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::import::ReadTally;
use crate::import::worker::Tally;
use crate::money::{CURRENCY, Total};

/// What an import comes to. `rows = recorded + duplicates + rejected + malformed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Different accounts in the rows that were not malformed.
    pub accounts: u64,
    /// Lines of the file without the header and without empty lines.
    pub rows: u64,
    /// Rows that changed an account now.
    pub recorded: u64,
    /// Rows that had changed their account before.
    pub duplicates: u64,
    /// Rows that a rule refused, now or in an earlier import.
    pub rejected: u64,
    /// Lines that are no rows.
    pub malformed: u64,
    /// The balances of all these accounts after the import, in minor units.
    pub total_balance_minor: Total,
    /// How long it took.
    pub seconds: f64,
}

impl Summary {
    pub(super) fn new(tally: &Tally, read: &ReadTally, took: Duration) -> Self {
        Self {
            accounts: tally.accounts,
            rows: read.rows,
            recorded: tally.recorded,
            duplicates: tally.duplicates,
            rejected: tally.rejected,
            malformed: read.malformed,
            total_balance_minor: tally.total_balance,
            seconds: took.as_secs_f64(),
        }
    }

    /// Whether the log has all rows from before.
    #[must_use]
    pub fn is_nothing_new(&self) -> bool {
        self.recorded == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, rows, recorded, duplicates, rejected, malformed, .. } = self;
        writeln!(formatter, "accounts       {accounts:>16}")?;
        writeln!(formatter, "rows           {rows:>16}")?;
        writeln!(formatter, "  recorded     {recorded:>16}")?;
        writeln!(formatter, "  duplicates   {duplicates:>16}")?;
        writeln!(formatter, "  rejected     {rejected:>16}")?;
        writeln!(formatter, "  malformed    {malformed:>16}")?;
        writeln!(formatter, "total balance  {:>16} {CURRENCY}", self.total_balance_minor)?;
        write!(formatter, "seconds        {:>16.2}", self.seconds)
    }
}

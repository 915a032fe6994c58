//! `bank account summary` and `bank account statement`

use annals::Sequence;
use clap::Args;

use crate::account::AccountId;
use crate::account_statement::{EntryKind, Month};
use crate::account_summary::AccountSummaryRow;
use crate::bank::{EntriesAfter, PageLimit, Statement, StatementsPage};
use crate::cli::exit::Failure;
use crate::cli::place::Place;
use crate::cli::query::{How, Prepared};
use crate::cli::table::Table;

/// An account as queries see it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Summary {
    /// Which account
    id: AccountId,
    #[command(flatten)]
    how: How,
}

/// What moved on an account.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatementOf {
    /// Which account
    id: AccountId,
    /// In which month, such as 2026-01; if left out, the months are listed, newest first
    #[arg(long, value_name = "MONTH")]
    period: Option<Month>,
    /// How many entries or months at most, up to 1000
    #[arg(long, value_name = "N", default_value_t)]
    limit: PageLimit,
    /// Entries after the one with this sequence
    #[arg(long, value_name = "N", value_parser = super::sequence, requires = "period")]
    after: Option<Sequence>,
    #[command(flatten)]
    how: How,
}

impl Summary {
    pub(super) async fn run(&self, place: &Place) -> Result<(), Failure> {
        let Prepared { queries, at_least } = self.how.prepare(place).await?;
        self.how.print(queries.account(&self.id, at_least).await, summary)
    }
}

impl StatementOf {
    pub(super) async fn run(&self, place: &Place) -> Result<(), Failure> {
        let Self { id, period, limit, after, how } = self;
        let Prepared { queries, at_least } = how.prepare(place).await?;
        let Some(period) = *period else {
            return how.print(queries.statements(id, None, *limit, at_least).await, months);
        };
        let entries = EntriesAfter { period, after: after.unwrap_or_default(), limit: *limit };
        how.print(queries.statement(id, entries, at_least).await, statement)
    }
}

fn summary(account: &AccountSummaryRow) -> String {
    let status = if account.is_active { "open" } else { "closed" };
    format!(
        "\
account  {}
owner    {}
balance  {} {}
status   {status}
opened   {}
changed  {}",
        account.account_id,
        account.owner_name,
        account.balance,
        account.currency,
        account.created_at.format("%Y-%m-%dT%H:%M:%S%.6fZ"),
        account.updated_at.format("%Y-%m-%dT%H:%M:%S%.6fZ"),
    )
}

fn months(page: &StatementsPage) -> String {
    let mut table = Table::new(["period", "entries", "opening", "closing"]);
    for column in 1..4 {
        table.align_right(column);
    }
    for month in &page.periods {
        table.row([
            month.period.to_string(),
            month.entry_count.to_string(),
            month.opening_balance.to_string(),
            format!("{} {}", month.closing_balance, page.currency),
        ]);
    }
    table.to_string()
}

fn statement(statement: &Statement) -> String {
    let mut table = Table::new(["sequence", "time", "entry", "amount", "balance"]);
    for column in [0, 3, 4] {
        table.align_right(column);
    }
    for entry in &statement.entries {
        let kind = match entry.kind {
            EntryKind::Opening => "opening",
            EntryKind::Deposit if entry.transfer_id.is_some() => "transfer in",
            EntryKind::Deposit => "deposit",
            EntryKind::Withdrawal if entry.transfer_id.is_some() => "transfer out",
            EntryKind::Withdrawal => "withdrawal",
            EntryKind::Closing => "closing",
        };
        table.row([
            entry.sequence.to_string(),
            entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            kind.to_owned(),
            entry.amount.to_string(),
            format!("{} {}", entry.balance, statement.currency),
        ]);
    }
    let last = statement.entries.last().filter(|_| statement.has_more);
    let more = last.map(|last| format!("\nmore: --after {}", last.sequence));
    table.to_string() + &more.unwrap_or_default()
}

//! `bank accounts`

use clap::{Args, Subcommand};

use crate::account_summary::{AccountCursor, ActiveTotal};
use crate::bank::{AccountsPage, PageLimit};
use crate::cli::exit::Failure;
use crate::cli::place::Place;
use crate::cli::query::{How, Prepared};
use crate::cli::table::Table;

/// What to ask about all accounts.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank accounts total
  bank accounts list --limit 10
  bank accounts list --format json

The answers come from the read models, which are brought up to date first.")]
pub(super) enum AccountsCommand {
    /// List active accounts, newest first
    List(List),
    /// What is on all active accounts together
    Total(How),
}

/// A page of accounts.
#[derive(Debug, Args)]
pub(super) struct List {
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t)]
    limit: PageLimit,
    /// Those after this place, which a page before has named
    #[arg(long, value_name = "PLACE")]
    after: Option<AccountCursor>,
    #[command(flatten)]
    how: How,
}

impl AccountsCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        match self {
            Self::List(List { limit, after, how }) => {
                let Prepared { queries, at_least } = how.prepare(place).await?;
                how.print(queries.active_accounts(after.as_ref(), limit, at_least).await, list)
            }
            Self::Total(how) => {
                let Prepared { queries, at_least } = how.prepare(place).await?;
                how.print(queries.active_total(at_least).await, total)
            }
        }
    }
}

fn list(page: &AccountsPage) -> String {
    let mut table = Table::new(["account", "owner", "balance", "opened", "changed"]);
    table.align_right(2);
    for account in &page.accounts {
        table.row([
            account.account_id.to_string(),
            account.owner_name.clone(),
            format!("{} {}", account.balance, account.currency),
            account.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            account.updated_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        ]);
    }
    let next = page.next_after.as_ref().map(|after| format!("\nmore: --after {after}"));
    table.to_string() + &next.unwrap_or_default()
}

fn total(total: &ActiveTotal) -> String {
    let ActiveTotal { balance, currency, accounts } = total;
    format!("accounts  {accounts}\nbalance   {balance} {currency}")
}

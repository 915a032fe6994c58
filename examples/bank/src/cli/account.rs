//! `bank account`

mod history;
mod summary;
mod text;

use annals::{At, CommandId, Sequence};
use chrono::{DateTime, FixedOffset};
use clap::{Args, Subcommand};

use crate::account::{self, AccountId, OwnerName};
use crate::bank::Bank;
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::money::Money;
use crate::store::Access;

/// What to do with an account.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank account open alice --owner-name Alice --initial-balance 10000
  bank account deposit alice 2550
  bank account show alice --at-sequence 1
  bank account history alice --format json
  bank account statement alice --period 2026-01")]
pub(super) enum AccountCommand {
    /// Open an account
    Open {
        /// What to call it, 1 to 64 of A-Z a-z 0-9 -; a new UUID if left out
        id: Option<AccountId>,
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        owner_name: OwnerName,
        /// What is on it from the start, in minor units
        #[arg(long, value_name = "MINOR", default_value_t = 0, allow_negative_numbers = true)]
        initial_balance: i64,
        #[command(flatten)]
        how: How,
    },
    /// Pay something in
    Deposit(Move),
    /// Take something out
    Withdraw(Move),
    /// Close an account for good; its balance must be zero
    Close {
        /// Which account
        id: AccountId,
        #[command(flatten)]
        how: How,
    },
    /// Show an account, now or as it was
    Show(Look),
    /// Show what happened to an account, oldest first
    History(Look),
    /// Show an account as queries see it, with when it was opened and last changed
    Summary(summary::Summary),
    /// Show what moved on an account in a month, with the balance after each entry
    Statement(summary::StatementOf),
}

/// An account and an amount.
#[derive(Debug, Args)]
pub(super) struct Move {
    /// Which account
    id: AccountId,
    /// How much, in minor units: 2550 is 25.50 CZK
    #[arg(allow_negative_numbers = true)]
    amount: i64,
    #[command(flatten)]
    how: How,
}

/// How to execute a command.
#[derive(Debug, Args)]
pub(super) struct How {
    /// A UUID that names the command: repeating it with the same one changes nothing more
    #[arg(long, value_name = "UUID")]
    command_id: Option<CommandId>,
    /// Return when the read models show it, so that a query that follows does
    #[arg(long)]
    wait: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// An account at a moment.
#[derive(Debug, Args)]
pub(super) struct Look {
    /// Which account
    id: AccountId,
    /// As it was after its event with this number
    #[arg(long, value_name = "N", value_parser = sequence, conflicts_with = "at")]
    at_sequence: Option<Sequence>,
    /// As it was at this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = DateTime::parse_from_rfc3339)]
    at: Option<DateTime<FixedOffset>>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Look {
    fn moment(&self) -> Option<At> {
        let sequence = self.at_sequence.map(At::Sequence);
        sequence.or_else(|| self.at.map(|time| At::Time(time.to_utc())))
    }
}

fn sequence(text: &str) -> Result<Sequence, String> {
    let number = text.parse::<u64>().map_err(|error| error.to_string())?;
    Sequence::new(number).map_err(|error| error.to_string())
}

impl AccountCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        use account::AccountCommand as Command;
        match self {
            Self::Open { id, owner_name, initial_balance, how } => {
                let id = id.unwrap_or_else(|| new_id(how.command_id));
                let initial_balance = Money::from_minor(initial_balance);
                execute(place, &id, Command::OpenAccount { owner_name, initial_balance }, &how)
                    .await
            }
            Self::Deposit(Move { id, amount, how }) => {
                let amount = Money::from_minor(amount);
                execute(place, &id, Command::DepositMoney { amount }, &how).await
            }
            Self::Withdraw(Move { id, amount, how }) => {
                let amount = Money::from_minor(amount);
                execute(place, &id, Command::WithdrawMoney { amount }, &how).await
            }
            Self::Close { id, how } => execute(place, &id, Command::CloseAccount, &how).await,
            Self::Summary(summary) => summary.run(place).await,
            Self::Statement(statement) => statement.run(place).await,
            Self::Show(look) => show(place, &look).await,
            Self::History(look) => {
                history::print(&Bank::new(place.log.open(Access::Read).await?), &look).await
            }
        }
    }
}

/// A repeated command must come to the same account.
fn new_id(command_id: Option<CommandId>) -> AccountId {
    command_id.map_or_else(AccountId::generate, |id| AccountId::from(*id.as_uuid()))
}

async fn execute(
    place: &Place,
    id: &AccountId,
    command: account::AccountCommand,
    how: &How,
) -> Result<(), Failure> {
    let app = place.log.open(Access::Write).await?;
    let answer = if how.wait {
        let models = place.open_read_models(&app, Access::Write).await?;
        let bank = Bank::new(app.with_visibility(models.visibility().clone()));
        models.attended(bank.execute_visibly(id, command, how.command_id)).await?
    } else {
        Bank::new(app).execute(id, command, how.command_id).await?
    };
    match how.format {
        Format::Json => output::json(&answer),
        Format::Text => output::line(&text::account(&answer.account)),
    }
}

async fn show(place: &Place, look: &Look) -> Result<(), Failure> {
    let bank = Bank::new(place.log.open(Access::Read).await?);
    let account = bank.account(&look.id, look.moment()).await?;
    match look.format {
        Format::Json => output::json(&account),
        Format::Text => output::line(&text::account(&account)),
    }
}

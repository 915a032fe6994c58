//! `bank transfer`

use std::time::Duration;

use annals::CommandId;
use clap::Args;

use crate::account::AccountId;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Format;
use crate::cli::place::Place;
use crate::cli::transfers;
use crate::money::Money;
use crate::store::Access;
use crate::transfer::{TransferId, TransferOrder};
use crate::transfers::{TransferAnswer, TransferState, TransferTerms, Transfers};

/// Money that is to move from one account to another.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bank transfer alice bob 2550
  bank transfer alice bob 2550 --wait
  bank transfer alice bob 2550 --instant --format json

A transfer is put on record, and then made by a saga: it withdraws, deposits, and refunds if the
deposit is refused. Whoever serves the bank makes it, or with --wait this process, if nobody does.
With --instant both accounts are changed in one step, or nothing is.")]
pub(super) struct Transfer {
    /// The account it comes from
    from: AccountId,
    /// The account it goes to
    to: AccountId,
    /// How much, in minor units: 2550 is 25.50 CZK
    #[arg(allow_negative_numbers = true)]
    amount: i64,
    /// Return when it is completed or has failed, after a minute at most
    #[arg(long)]
    wait: bool,
    /// Make it in one step over both accounts
    #[arg(long, conflicts_with = "wait")]
    instant: bool,
    /// A UUID that names the command: repeating it with the same one changes nothing more
    #[arg(long, value_name = "UUID")]
    command_id: Option<CommandId>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How long a transfer is waited for.
///
/// One takes milliseconds; a process that was killed is replaced within seconds.
const WAIT_MAX: Duration = Duration::from_secs(60);

impl Transfer {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let app = place.log.open(Access::Write).await?;
        let transfers = Transfers::new(app.clone());
        // A repeated command must come to the same transfer.
        let id = self.command_id.map(|id| TransferId::from(*id.as_uuid()));
        let id = id.unwrap_or_else(TransferId::generate);
        let amount = Money::from_minor(self.amount);
        let order = TransferOrder { from_account_id: self.from, to_account_id: self.to, amount };
        let terms = TransferTerms { command_id: self.command_id, ..TransferTerms::default() };
        let asked = if self.instant {
            transfers.make(id, order, terms).await?
        } else {
            transfers.ask(id, order, terms).await?
        };
        if !self.wait {
            return transfers::print(&asked.transfer, self.format);
        }
        let models = place.open_read_models(&app, Access::Write).await?;
        let answer = models.attended(transfers.wait(id, WAIT_MAX)).await?;
        transfers::print(&answer, self.format)?;
        outcome(&answer)
    }
}

/// What a transfer that was waited for came to, as an exit code: all is said already.
fn outcome(answer: &TransferAnswer) -> Result<(), Failure> {
    match answer.state {
        TransferState::Completed => Ok(()),
        TransferState::Failed => Err(Failure::silent(Exit::Rejected)),
        TransferState::Requested | TransferState::NeedsOperator | TransferState::Abandoned => {
            Err(Failure::silent(Exit::Unfinished))
        }
    }
}

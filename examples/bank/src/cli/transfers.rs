//! `bank transfers`

use clap::{Args, Subcommand};

use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::store::Access;
use crate::transfer::TransferId;
use crate::transfers::{TransferAnswer, Transfers};

/// What to ask about transfers.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank transfers show 0198c5f0-7b7e-7000-8000-000000000001
  bank transfers show 0198c5f0-7b7e-7000-8000-000000000001 --format json")]
pub(super) enum TransfersCommand {
    /// Show a transfer, and what happened to it
    Show(Show),
}

/// One transfer.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Which transfer
    id: TransferId,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl TransfersCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let Self::Show(Show { id, format }) = self;
        let transfers = Transfers::new(place.log.open(Access::Read).await?);
        print(&transfers.show(id).await?, format)
    }
}

pub(super) fn print(answer: &TransferAnswer, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(answer),
        Format::Text => output::line(&text(answer)),
    }
}

fn text(answer: &TransferAnswer) -> String {
    let TransferAnswer { transfer_id, order, currency, state, in_flight, .. } = answer;
    let mut text = format!(
        "\
transfer   {transfer_id}
from       {}
to         {}
amount     {} {currency}
state      {}
in flight  {in_flight} {currency}",
        order.from_account_id,
        order.to_account_id,
        order.amount,
        state.as_str().replace('_', " "),
    );
    if let Some(failure) = &answer.failure {
        text += &format!("\nreason     {}", output::shown(&failure.reason));
    }
    if let Some(waiting) = &answer.waiting_for {
        let (step, error) = (&waiting.step, output::shown(&waiting.error));
        text += &format!("\nwaits for  an operator, to {step}: {error}");
    }
    for entry in &answer.timeline {
        let at = entry.at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        text += &format!("\n{:>9}  {at}  {}", entry.position, output::shown(&entry.text));
    }
    text
}

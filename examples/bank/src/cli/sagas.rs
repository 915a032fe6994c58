//! `bank sagas`

mod age;
mod list;
mod order;
mod text;

use annals::{ConsistencyToken, Documents, SagaIndex};
use clap::{Args, Subcommand};

use self::list::List;
use self::order::{Ask, AskWhy};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::read_models::{PATIENCE, ReadModels};
use crate::store::Access;

/// What to do with sagas.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank sagas list --state parked
  bank sagas list --saga transfer_saga --state running --older-than 5m
  bank sagas show transfer_saga ID
  bank sagas retry transfer_saga ID --why 'the account has room again'
  bank sagas abandon transfer_saga ID --why 'paid out in cash'

An instance of transfer_saga has the id of its transfer. Orders are written to the log, with who
gave them and why, and followed by whoever serves the bank, or by this process if nobody does.")]
pub(super) enum SagasCommand {
    /// List instances, oldest first
    List(List),
    /// Show one: what happened to it, and what it waits for
    Show(Show),
    /// Have everything tried again that waits for an operator
    Retry(Ask),
    /// Have an instance fail, and what it did undone
    Compensate(AskWhy),
    /// End an instance as it is
    Abandon(AskWhy),
}

/// One instance.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Which saga
    saga: String,
    /// Which instance of it
    id: String,
}

/// One instance, and how to show it.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl SagasCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(&open_list(place).await?).await,
            Self::Show(Show { which, format }) => {
                let app = place.log.open(Access::Read).await?;
                let models = place.open_read_models(&app, Access::Read).await?;
                print(&models, &which, format).await
            }
            Self::Retry(ask) => ask.retry(place).await,
            Self::Compensate(ask) => ask.compensate(place).await,
            Self::Abandon(ask) => ask.abandon(place).await,
        }
    }
}

/// Opens the sagas, and waits until the list of them is as new as the log.
async fn open_list(place: &Place) -> Result<ReadModels, Failure> {
    let app = place.log.open(Access::Read).await?;
    let models = place.open_read_models(&app, Access::Read).await?;
    let head = app.store().head().await.map_err(|error| Failure::of_log(&error))?;
    let token = ConsistencyToken { log_id: app.store().log_id(), position: head };
    let name = <SagaIndex as Documents>::NAME;
    let listed = models.attended(models.visibility().wait_for(name, token, PATIENCE)).await;
    listed.map_err(|error| Failure::new(Exit::ReadModels, &error))?;
    Ok(models)
}

async fn print(models: &ReadModels, which: &Which, format: Format) -> Result<(), Failure> {
    let detail = models.sagas().show(&which.saga, &which.id).await?;
    match format {
        Format::Json => output::json(&detail),
        Format::Text => output::line(&text::detail(&detail)),
    }
}

//! `bank projections`

mod dead_letters;
mod rebuild;
mod status;

use annals::{GenerationKey, ReadModelsError};
use clap::{Args, Subcommand};
use serde::Serialize;

use self::dead_letters::DeadLettersCommand;
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::read_models::{PROJECTIONS, ReadModels};
use crate::store::Access;

/// What to do with the projections.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bank projections status
  bank projections rebuild account_summary
  bank projections rollback account_summary
  bank projections retire account_summary 1
  bank projections dead-letters list

Queries are answered from account_summary and account_statement; sagas is the list of sagas, and
transfer_saga takes what the transfers' saga is told. Each build of one is a generation with
tables of its own; one generation serves. All of this works while the bank is served.")]
pub(super) enum ProjectionsCommand {
    /// Show how all generations are getting on
    Status(status::Status),
    /// Build a projection anew from the start of the log, beside the generation that serves
    ///
    /// It is switched to when it has caught up. If the code is of the same version it is compared
    /// first; one that differs is held, for you to switch to or retire.
    Rebuild(rebuild::Rebuild),
    /// Have queries answered from a generation that is retained or held
    Switch(Generation),
    /// Go back to the generation that served before
    Rollback(Projection),
    /// Remove a generation that does not serve, with its tables
    Retire(Generation),
    /// Look at events that could not be processed, retry or discard them
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

/// A projection.
#[derive(Debug, Args)]
pub(super) struct Projection {
    /// Which projection
    #[arg(value_parser = PROJECTIONS)]
    projection: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A generation.
#[derive(Debug, Args)]
pub(super) struct Generation {
    /// Which projection
    #[arg(value_parser = PROJECTIONS)]
    projection: String,
    /// The number of its generation, as the status shows it
    number: u32,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was done with a generation.
#[derive(Debug, Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    generation: &'a GenerationKey,
    done: &'static str,
}

/// How often going back or forth is tried. Each time takes two seconds at most; a generation that
/// nobody has kept up to date for a while needs some of them to catch up.
const TRIES_MAX: u32 = 15;

impl ProjectionsCommand {
    pub(super) async fn run(self, place: &Place) -> Result<(), Failure> {
        let app = place.log.open(Access::Read).await?;
        let models = place.open_read_models(&app, Access::Read).await?;
        match self {
            Self::Status(status) => status.run(&models).await,
            Self::Rebuild(rebuild) => rebuild.run(&models).await,
            Self::Switch(Generation { projection, number, format }) => {
                let key = GenerationKey { projection, number };
                again_if_behind(&models, async || models.switch(&key).await).await?;
                print(&key, "serves", format)
            }
            Self::Rollback(Projection { projection, format }) => {
                let roll_back = async || models.rollback(&projection).await;
                let generation = again_if_behind(&models, roll_back).await?;
                print(&generation.key, "serves", format)
            }
            Self::Retire(Generation { projection, number, format }) => {
                let key = GenerationKey { projection, number };
                models.retire(&key).await?;
                print(&key, "is removed", format)
            }
            Self::DeadLetters(command) => command.run(&app, &models).await,
        }
    }
}

/// Tries until the generation has caught up with the one that serves. Whoever keeps them up to date
/// is not disturbed; if nobody seems to, this process sees to it.
async fn again_if_behind<T>(
    models: &ReadModels,
    attempt: impl AsyncFn() -> Result<T, ReadModelsError>,
) -> Result<T, ReadModelsError> {
    match attempt().await {
        Err(ReadModelsError::Moved { .. }) => {}
        done => return done,
    }
    let attempts = async {
        for _ in 1..TRIES_MAX {
            match attempt().await {
                Err(ReadModelsError::Moved { .. }) => {}
                done => return done,
            }
        }
        attempt().await
    };
    models.attended(attempts).await
}

fn print(generation: &GenerationKey, done: &'static str, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(&Done { generation, done }),
        Format::Text => output::line(&format!("{generation} {done}")),
    }
}

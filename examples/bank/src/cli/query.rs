//! Queries of read models, brought up to date first.

use annals::ConsistencyToken;
use clap::Args;

use crate::bank::{Queries, QueryAnswer, QueryError};
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::cli::place::Place;
use crate::cli::progress::Progress;
use crate::store::Access;

/// How to ask.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Answer as of at least this consistency token instead of the end of the log
    #[arg(long, value_name = "TOKEN")]
    at_least: Option<ConsistencyToken>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Queries, and how new their answers must be.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) queries: Queries,
    pub(super) at_least: Option<ConsistencyToken>,
}

impl How {
    /// Opens the read models and waits until they are as new as asked for. If no other process
    /// keeps them up to date, this one does until then.
    pub(super) async fn prepare(&self, place: &Place) -> Result<Prepared, Failure> {
        let app = place.log.open(Access::Read).await?;
        let models = place.open_read_models(&app, Access::Read).await?;
        let token = match self.at_least {
            Some(token) => token,
            None => {
                let head = app.store().head().await.map_err(|error| Failure::of_log(&error))?;
                ConsistencyToken { log_id: app.store().log_id(), position: head }
            }
        };
        let progress = Progress::new();
        let caught_up = models.catch_up(token, |all| progress.tell(all)).await;
        progress.finish();
        caught_up?;
        Ok(Prepared { queries: Queries::new(models), at_least: Some(token) })
    }

    pub(super) fn print<T: serde::Serialize>(
        &self,
        answer: Result<QueryAnswer<T>, QueryError>,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let answer = answer?;
        match self.format {
            Format::Json => output::json(&answer),
            Format::Text => output::line(&text(&answer.value)),
        }
    }
}

//! `bank sagas list`

use annals::{SagaCursor, SagaList, SagaPage};
use annals_http::Cursor;
use chrono::Utc;
use clap::Args;
use serde::Serialize;

use super::age::Age;
use super::text;
use crate::bank::PageLimit;
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::read_models::ReadModels;

/// Which ones.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Of this saga only
    #[arg(long, value_name = "SAGA")]
    saga: Option<String>,
    /// In this state only; those that wait for an operator are listed as parked
    #[arg(long, value_parser = SagaList::STATES)]
    state: Option<String>,
    /// Only those that began longer ago, such as 90s, 5m, 2h or 1d
    #[arg(long, value_name = "TIME")]
    older_than: Option<Age>,
    /// Newest first
    #[arg(long)]
    newest_first: bool,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t)]
    limit: PageLimit,
    /// Those after this place, which a page before has named
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor<SagaCursor>>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    sagas: &'a [annals::SagaSummary],
    next_after: Option<Cursor<SagaCursor>>,
}

impl List {
    pub(super) async fn run(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { saga, state, older_than, newest_first, limit, after, format } = self;
        let now = Utc::now();
        let list = SagaList {
            saga,
            state,
            began_before: older_than.map(|age| age.before(now)),
            is_newest_first: newest_first,
            after: after.map(|Cursor(place)| place),
            limit: limit.get(),
        };
        let SagaPage { instances, next } = models.sagas().list(list).await?;
        let next_after = next.map(Cursor);
        match format {
            Format::Json => output::json(&Answer { sagas: &instances, next_after }),
            Format::Text => {
                let more = next_after.map(|place| format!("\nmore: --after {place}"));
                output::line(&(text::list(&instances, now) + &more.unwrap_or_default()))
            }
        }
    }
}

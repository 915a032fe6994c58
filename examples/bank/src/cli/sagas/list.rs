//! `bank sagas list`

use annals::{SagaList, SagaPage};
use chrono::Utc;
use clap::Args;
use serde::Serialize;

use super::age::Age;
use super::text;
use crate::bank::PageLimit;
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::read_models::ReadModels;

/// The states by which instances are listed.
const STATES: [&str; 8] = [
    "parked",
    "running",
    "completing",
    "compensating",
    "failing",
    "completed",
    "failed",
    "abandoned",
];

/// Which ones.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Of this saga only
    #[arg(long, value_name = "SAGA")]
    saga: Option<String>,
    /// In this state only; those that wait for an operator are listed as parked
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Only those that began longer ago, such as 90s, 5m, 2h or 1d
    #[arg(long, value_name = "TIME", conflicts_with = "newest_first")]
    older_than: Option<Age>,
    /// Newest first
    #[arg(long)]
    newest_first: bool,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t)]
    limit: PageLimit,
    /// Those after this place, which a page before has named
    #[arg(long, value_name = "PLACE", value_parser = place)]
    after: Option<(String, String)>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    sagas: &'a [annals::SagaSummary],
    next_after: Option<String>,
}

impl List {
    pub(super) async fn run(self, models: &ReadModels) -> Result<(), Failure> {
        let Self { saga, state, older_than, newest_first, limit, after, format } = self;
        let is_newest_first = newest_first;
        let list = SagaList { saga, state, is_newest_first, after, limit: limit.get() };
        let SagaPage { mut instances, mut next } = models.list_sagas(&list).await?;
        let now = Utc::now();
        if let Some(Age(age)) = older_than {
            let listed = instances.len();
            // The oldest come first.
            instances.retain(|instance| now - instance.since > age);
            next = next.filter(|_| instances.len() == listed);
        }
        let next_after = next.map(|(value, key)| format!("{value}@{key}"));
        match format {
            Format::Json => output::json(&Answer { sagas: &instances, next_after }),
            Format::Text => {
                let more = next_after.map(|place| format!("\nmore: --after '{place}'"));
                output::line(&(text::list(&instances, now) + &more.unwrap_or_default()))
            }
        }
    }
}

/// Neither the names of sagas nor states and times contain an `@`; ids may.
fn place(text: &str) -> Result<(String, String), String> {
    let place = text.split_once('@').map(|(value, key)| (value.to_owned(), key.to_owned()));
    place.ok_or_else(|| "a place is as a page before has named it".to_owned())
}

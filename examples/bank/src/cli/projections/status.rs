//! `bank projections status`

use std::collections::BTreeSet;
use std::time::Duration;

use annals::{GenerationState, PartitionStatus, ProjectionState, ProjectionStatus, WorkerId};
use clap::Args;
use indicatif::HumanDuration;
use serde::Serialize;

use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};
use crate::cli::table::Table;
use crate::read_models::ReadModels;

/// How to show it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// Show each partition
    #[arg(long)]
    partitions: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    projections: &'a [ProjectionStatus],
}

impl Status {
    pub(super) async fn run(&self, models: &ReadModels) -> Result<(), Failure> {
        let all = models.status().await?;
        match self.format {
            Format::Json => output::json(&Answer { projections: &all }),
            Format::Text if self.partitions => output::line(&partitions(&all)),
            Format::Text => output::line(&generations(&all)),
        }
    }
}

fn generations(all: &[ProjectionStatus]) -> String {
    let mut table = Table::new([
        "projection",
        "generation",
        "version",
        "use",
        "state",
        "position",
        "head",
        "lag",
        "lag s",
        "events/s",
        "left",
        "dead",
        "owner",
    ]);
    for column in [1, 2, 5, 6, 7, 8, 9, 10, 11] {
        table.align_right(column);
    }
    for status in all {
        let generation = &status.generation;
        table.row([
            generation.key.projection.clone(),
            generation.key.number.to_string(),
            generation.version.to_string(),
            use_of(generation.state).to_owned(),
            word(status.state).to_owned(),
            status.position.to_string(),
            status.head.to_string(),
            status.lag_events.to_string(),
            format!("{:.1}", status.lag_seconds),
            format!("{:.0}", status.events_per_second),
            left(status.seconds_left),
            status.dead_letters.to_string(),
            owners(&status.partitions),
        ]);
    }
    let errors = all.iter().filter_map(|status| {
        let error = status.last_error.as_ref()?.replace(char::is_control, " ");
        Some(format!("\n{}: {error}", status.generation.key))
    });
    table.to_string() + &errors.collect::<String>()
}

fn partitions(all: &[ProjectionStatus]) -> String {
    let mut table = Table::new([
        "projection",
        "generation",
        "partition",
        "position",
        "lag",
        "events/s",
        "dead",
        "queued",
        "owner",
    ]);
    for column in 1..8 {
        table.align_right(column);
    }
    for status in all {
        for partition in &status.partitions {
            let position = partition.checkpoint.position;
            table.row([
                status.generation.key.projection.clone(),
                status.generation.key.number.to_string(),
                partition.partition.to_string(),
                position.to_string(),
                status.head.get().saturating_sub(position.get()).to_string(),
                format!("{:.0}", partition.events_per_second),
                partition.dead_letters.to_string(),
                partition.queued.to_string(),
                partition.worker.map_or_else(|| "-".to_owned(), short),
            ]);
        }
    }
    table.to_string()
}

fn use_of(state: GenerationState) -> &'static str {
    match state {
        GenerationState::Building => "building",
        GenerationState::Held => "held",
        GenerationState::Serving => "serving",
        GenerationState::Retained => "retained",
    }
}

fn word(state: ProjectionState) -> &'static str {
    match state {
        ProjectionState::Stopped => "stopped",
        ProjectionState::Live => "live",
        ProjectionState::CatchingUp => "catching up",
        ProjectionState::Rebuilding => "rebuilding",
        ProjectionState::Held => "held",
        ProjectionState::Blocked => "blocked",
    }
}

fn left(seconds: Option<f64>) -> String {
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(Duration::ZERO) => "0".to_owned(),
        Some(left) => format!("{:#}", HumanDuration(left)),
        None => "-".to_owned(),
    }
}

fn owners(partitions: &[PartitionStatus]) -> String {
    let owners: BTreeSet<WorkerId> = partitions.iter().filter_map(|one| one.worker).collect();
    match owners.len() {
        0 => "-".to_owned(),
        _ => owners.into_iter().map(short).collect::<Vec<_>>().join(","),
    }
}

/// The end of a UUIDv7 tells workers apart; its beginning is the time.
fn short(worker: WorkerId) -> String {
    let text = worker.to_string();
    text.rsplit('-').next().unwrap_or(&text).to_owned()
}

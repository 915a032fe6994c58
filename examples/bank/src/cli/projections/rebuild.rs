//! `bank projections rebuild`

use std::time::{Duration, Instant};

use annals::{GenerationKey, GenerationState, ProjectionStatus};
use clap::Args;
use thiserror::Error;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Format};
use crate::cli::progress::Progress;
use crate::read_models::{PATIENCE, PROJECTIONS, ReadModels};

/// What to build anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bank projections rebuild account_summary
  bank projections rebuild account_statement --format json

If no process keeps the projections up to date, this one does until the rebuild is done. It can be
interrupted: whoever runs the projections next continues.")]
pub(in crate::cli) struct Rebuild {
    /// Which projection
    #[arg(value_parser = PROJECTIONS)]
    projection: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A rebuild did not come to its end.
#[derive(Debug, Error)]
enum RebuildError {
    #[error(
        "{key} differs from the generation that serves, and is held: switch to it or retire it"
    )]
    Held { key: GenerationKey },
    #[error("{key} does not get on: {reason}")]
    StandsStill { key: GenerationKey, reason: String },
    #[error("{key} was removed meanwhile")]
    Removed { key: GenerationKey },
}

/// Pause between two looks at the build.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Rebuild {
    pub(super) async fn run(&self, models: &ReadModels) -> Result<(), Failure> {
        let key = models.rebuild(&self.projection).await?.key;
        let progress = Progress::new();
        let built = models.attended(watch(models, &key, &progress)).await;
        progress.finish();
        let status = built?;
        match self.format {
            Format::Json => output::json(&status),
            Format::Text => output::line(&format!("{key} serves at position {}", status.position)),
        }
    }
}

/// Watches the build until it serves.
async fn watch(
    models: &ReadModels,
    key: &GenerationKey,
    progress: &Progress,
) -> Result<ProjectionStatus, Failure> {
    let failed = |error| Failure::new(Exit::ReadModels, &error);
    let (mut last, mut moved_at) = (None, Instant::now());
    loop {
        let all = models.status().await?;
        let Some(status) = all.into_iter().find(|status| status.generation.key == *key) else {
            return Err(failed(RebuildError::Removed { key: key.clone() }));
        };
        progress.tell([&status]);
        match status.generation.state {
            GenerationState::Building => {}
            GenerationState::Held => return Err(failed(RebuildError::Held { key: key.clone() })),
            GenerationState::Serving | GenerationState::Retained => return Ok(status),
        }
        if last != Some(status.position) || status.lag_events == 0 && status.last_error.is_none() {
            (last, moved_at) = (Some(status.position), Instant::now());
        }
        if moved_at.elapsed() >= PATIENCE {
            let reason = status.last_error.unwrap_or_else(|| "nobody works on it".to_owned());
            return Err(failed(RebuildError::StandsStill { key: key.clone(), reason }));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

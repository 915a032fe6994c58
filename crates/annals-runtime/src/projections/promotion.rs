//! Switching to a generation that has caught up.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    EventStore, Generation, GenerationKey, Position, ReadModels, ReadModelsError, Serving,
};

use super::error::Trouble;
use super::registration::Registered;

/// How often two generations are looked at until they happen to be at the same position, before it
/// is tried again later.
///
/// Both follow the log, so they meet whenever it pauses for a moment.
const MEETINGS_MAX: u32 = 200;

/// Pause between two looks.
const MEETING_INTERVAL: Duration = Duration::from_millis(10);

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promoted {
    /// It serves.
    Serves,
    /// It differs from the one that serves, and waits for somebody to look.
    Held,
    /// It is not there yet.
    NotYet,
}

/// A generation on its way to serving.
pub(super) struct Promotion {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) models: Arc<dyn ReadModels>,
    pub(super) registered: Arc<dyn Registered>,
    pub(super) generation: Generation,
}

impl Promotion {
    /// Completes the tables, compares them with those that serve where both should be the same, and
    /// switches.
    pub(super) async fn run(self) -> Result<Promoted, Trouble> {
        let key = &self.generation.key;
        let serving = self.models.serving(&key.projection).await?;
        let goal = match &serving {
            Some(serving) => serving.position,
            None => self.store.head().await?,
        };
        if self.position().await? < goal {
            return Ok(Promoted::NotYet);
        }
        self.registered.finish(key).await?;
        if let Some(serving) = &serving
            && self.registered.is_same_as(serving.version)
        {
            match self.compare(serving).await? {
                None => return Ok(Promoted::NotYet),
                Some(false) => return Ok(Promoted::Held),
                Some(true) => {}
            }
        }
        Ok(if switch(&*self.models, key).await? { Promoted::Serves } else { Promoted::NotYet })
    }

    async fn position(&self) -> Result<Position, Trouble> {
        let status = self.models.status(&self.generation.key).await?;
        let positions = status.partitions.iter().map(|partition| partition.checkpoint.position);
        Ok(positions.min().unwrap_or_default())
    }

    /// Whether both hold the same rows; `None` if they never were at the same position.
    async fn compare(&self, serving: &Serving) -> Result<Option<bool>, Trouble> {
        let key = &self.generation.key;
        for _ in 0..MEETINGS_MAX {
            if let Some(comparison) = self.models.compare(&serving.key, key).await? {
                let is_equal = comparison.is_equal();
                self.models.keep_comparison(key, comparison).await?;
                return Ok(Some(is_equal));
            }
            tokio::time::sleep(MEETING_INTERVAL).await;
        }
        Ok(None)
    }
}

/// Switches as soon as the generation is not behind the one that serves. Gives up after a while.
pub(super) async fn switch(
    models: &dyn ReadModels,
    key: &GenerationKey,
) -> Result<bool, ReadModelsError> {
    for _ in 0..MEETINGS_MAX {
        match models.switch(key).await {
            Ok(()) => return Ok(true),
            Err(ReadModelsError::Moved { .. }) => tokio::time::sleep(MEETING_INTERVAL).await,
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

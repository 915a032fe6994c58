//! Switching to a generation that has caught up.

use std::pin::pin;
use std::sync::Arc;

use annals_core::{
    Checkpoint, CheckpointError, Comparison, EventStore, Generation, GenerationKey, IfBehind,
    Position, ReadModels, ReadModelsError, Serving,
};
use tokio::time::{Instant, timeout_at};

use super::error::Trouble;
use super::meeting::{MEETING_INTERVAL, MEETING_MAX, Meeting};
use super::registration::Registered;
use crate::subscription;

/// How often it is tried to switch before it is tried again later: a generation that is ahead one
/// moment is behind the next.
const SWITCHES_MAX: u32 = 200;

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
        let (goal, if_behind) = match &serving {
            Some(serving) if self.belongs(serving).await? => (serving.position, IfBehind::Refuse),
            // Where it is means nothing: the log has lost its end, or is another one.
            Some(_) => (self.store.head().await?, IfBehind::Switch),
            None => (self.store.head().await?, IfBehind::Refuse),
        };
        if self.position().await? < goal {
            return Ok(Promoted::NotYet);
        }
        self.registered.finish(key).await?;
        if let Some(serving) = &serving
            && if_behind == IfBehind::Refuse
            && self.registered.is_same_as(serving.version)
        {
            match self.compare(serving).await? {
                None => return Ok(Promoted::NotYet),
                Some(false) => return Ok(Promoted::Held),
                Some(true) => {}
            }
        }
        let is_switched = switch(&*self.models, key, if_behind).await?;
        Ok(if is_switched { Promoted::Serves } else { Promoted::NotYet })
    }

    /// Whether the log still has the events that the checkpoints of `serving` name.
    async fn belongs(&self, serving: &Serving) -> Result<bool, Trouble> {
        if serving.log_id != self.store.log_id() {
            return Ok(false);
        }
        for partition in self.models.status(&serving.key).await?.partitions {
            match subscription::verify(&*self.store, partition.checkpoint).await {
                Ok(()) => {}
                Err(CheckpointError::Read(error)) => return Err(error.into()),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn position(&self) -> Result<Position, Trouble> {
        let status = self.models.status(&self.generation.key).await?;
        let positions = status.partitions.iter().map(|partition| partition.checkpoint.position);
        Ok(positions.min().unwrap_or_default())
    }

    /// Whether both hold the same rows; `None` if they were not at the same position in time.
    async fn compare(&self, serving: &Serving) -> Result<Option<bool>, Trouble> {
        let key = &self.generation.key;
        let mut meeting = Meeting::new(&*self.models, &key.projection).await?;
        let compared = self.meet(serving, &mut meeting).await;
        meeting.end().await?;
        let Some(comparison) = compared? else { return Ok(None) };
        let is_equal = comparison.is_equal();
        self.models.keep_comparison(key, comparison).await?;
        Ok(Some(is_equal))
    }

    async fn meet(
        &self,
        serving: &Serving,
        meeting: &mut Meeting<'_>,
    ) -> Result<Option<Comparison>, Trouble> {
        let until = Instant::now() + MEETING_MAX;
        while Instant::now() < until {
            meeting.set(self.furthest(serving).await?).await?;
            let mut comparing = pin!(self.models.compare(&serving.key, &self.generation.key));
            match timeout_at(until, &mut comparing).await {
                Ok(Ok(None)) => tokio::time::sleep(MEETING_INTERVAL).await,
                Ok(compared) => return Ok(compared?),
                Err(_) => {
                    // It has its view by now. Nobody waits until it has looked at everything.
                    meeting.end().await?;
                    return Ok(comparing.await?);
                }
            }
        }
        Ok(None)
    }

    /// How far any partition of the two generations is.
    async fn furthest(&self, serving: &Serving) -> Result<Checkpoint, Trouble> {
        let mut furthest = Checkpoint::START;
        for key in [&serving.key, &self.generation.key] {
            for partition in self.models.status(key).await?.partitions {
                if partition.checkpoint.position > furthest.position {
                    furthest = partition.checkpoint;
                }
            }
        }
        Ok(furthest)
    }
}

/// Switches as soon as the generation is not behind the one that serves. Gives up after a while.
pub(super) async fn switch(
    models: &dyn ReadModels,
    key: &GenerationKey,
    if_behind: IfBehind,
) -> Result<bool, ReadModelsError> {
    for _ in 0..SWITCHES_MAX {
        match models.switch(key, if_behind).await {
            Ok(()) => return Ok(true),
            Err(ReadModelsError::Moved { .. }) => tokio::time::sleep(MEETING_INTERVAL).await,
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

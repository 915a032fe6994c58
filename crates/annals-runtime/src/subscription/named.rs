//! A subscription that remembers how far it is.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{BoxError, Checkpoint, CheckpointStore, ReadModelsError, RecordedEvent};

use super::{Batch, RunError, Subscription};
use crate::retry::Retry;

/// Events in a batch if nothing else is said.
///
/// As many are handled again after a crash, and one checkpoint is saved for them.
const BATCH_EVENTS_MAX: usize = 100;

/// How a handler or a place for checkpoints is met that fails: after about a minute the error is
/// returned.
const PATIENCE: Retry = Retry {
    attempts_max: 16,
    pause_first: Duration::from_millis(50),
    pause_max: Duration::from_secs(10),
};

/// A subscription with a name under which its checkpoint is kept.
///
/// For effects outside the database, such as mails; what is built for queries is a
/// [`Projection`](annals_core::Projection), which keeps its checkpoint beside what it writes.
#[derive(Debug)]
pub struct NamedSubscription<E = RecordedEvent> {
    subscription: Subscription<E>,
    name: String,
    checkpoints: Arc<dyn CheckpointStore>,
    retry: Retry,
    batch_events_max: usize,
}

impl<E> NamedSubscription<E> {
    pub(super) fn new(
        subscription: Subscription<E>,
        name: String,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Self {
        let (retry, batch_events_max) = (PATIENCE, BATCH_EVENTS_MAX);
        Self { subscription, name, checkpoints, retry, batch_events_max }
    }

    /// How often a batch is tried that cannot be handled, and a checkpoint that cannot be saved.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Most events in a batch, 100 if nothing is said, and at most [`PAGE_EVENTS_MAX`]. After a
    /// crash as many are handled again.
    #[must_use]
    pub fn batch_events_max(self, events: usize) -> Self {
        Self { batch_events_max: events.clamp(1, PAGE_EVENTS_MAX), ..self }
    }

    /// Hands each batch of events to `handler` and saves the checkpoint after it, until `shutdown`.
    ///
    /// Without a checkpoint under its name it begins where the subscription does.
    ///
    /// # Guarantee
    ///
    /// Every selected event is handled at least once, in order. The last batch is handled again if
    /// the process ends between handling it and saving the checkpoint, and a batch is handled again
    /// if handling it fails: a handler must bear events it has seen, e.g. by their ids.
    ///
    /// # Errors
    ///
    /// [`RunError`], whose variants say what to do next.
    ///
    /// # Cancellation
    ///
    /// `shutdown` ends it at once while it waits; a batch that is being handled is handled first.
    /// Dropped instead, the last batch may be handled again.
    pub async fn run<F>(
        self,
        handler: impl FnMut(Arc<Batch<E>>) -> F,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError>
    where
        F: Future<Output = Result<(), BoxError>>,
    {
        match self.run_until(handler, pin!(shutdown)).await {
            Ok(never) => match never {},
            Err(End::Shutdown) => Ok(()),
            Err(End::Failed(error)) => Err(error),
        }
    }

    async fn run_until<F>(
        mut self,
        mut handler: impl FnMut(Arc<Batch<E>>) -> F,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Infallible, End>
    where
        F: Future<Output = Result<(), BoxError>>,
    {
        let mut saved = self.load(shutdown.as_mut()).await?;
        if saved != Checkpoint::START {
            self.subscription = self.subscription.starting_at(saved);
        }
        loop {
            let next = self.subscription.next_batch(self.batch_events_max);
            let batch = unless(shutdown.as_mut(), next).await?.map_err(RunError::from)?;
            let batch = Arc::new(batch);
            let mut attempts = 0;
            while !batch.events.is_empty()
                && let Err(source) = handler(Arc::clone(&batch)).await
            {
                attempts += 1;
                tracing::warn!(name = self.name, attempts, error = &*source, "a handler failed");
                if !unless(shutdown.as_mut(), self.retry.pause_after(attempts)).await? {
                    let position = batch.checkpoint.position;
                    return Err(RunError::Handler { position, attempts, source }.into());
                }
            }
            self.save(saved, batch.checkpoint, shutdown.as_mut()).await?;
            saved = batch.checkpoint;
        }
    }

    async fn load(
        &self,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Checkpoint, End> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.checkpoints.load_checkpoint(&self.name).await {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(error) => {
                    unless(shutdown.as_mut(), self.pause_after(attempts, error)).await??
                }
            }
        }
    }

    /// The first attempt is made in any case: what was handled need not be handled again.
    async fn save(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), End> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.checkpoints.save_checkpoint(&self.name, from, to).await {
                Ok(()) => return Ok(()),
                // It may be an earlier attempt, whose answer was lost, that has moved it.
                Err(ReadModelsError::Moved { .. })
                    if attempts > 1 && self.load(shutdown.as_mut()).await? == to =>
                {
                    return Ok(());
                }
                Err(ReadModelsError::Moved { .. }) => {
                    return Err(RunError::NotAlone { name: self.name.clone() }.into());
                }
                Err(error) => {
                    unless(shutdown.as_mut(), self.pause_after(attempts, error)).await??
                }
            }
        }
    }

    /// Waits before the next attempt, or returns the error if there is none.
    async fn pause_after(&self, attempts: u32, error: ReadModelsError) -> Result<(), RunError> {
        let is_worth_it = matches!(error, ReadModelsError::Unavailable { .. });
        if is_worth_it && self.retry.pause_after(attempts).await {
            return Ok(());
        }
        Err(RunError::Checkpoints(error))
    }
}

/// Why a run is over.
enum End {
    Shutdown,
    Failed(RunError),
}

impl From<RunError> for End {
    fn from(error: RunError) -> Self {
        Self::Failed(error)
    }
}

/// What `future` gives, unless it is time to end before.
async fn unless<T>(
    shutdown: Pin<&mut impl Future<Output = ()>>,
    future: impl Future<Output = T>,
) -> Result<T, End> {
    tokio::select! {
        biased;
        () = shutdown => Err(End::Shutdown),
        output = future => Ok(output),
    }
}

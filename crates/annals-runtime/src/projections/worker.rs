//! One worker of one generation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::{
    ApplyError, Claim, EventStore, Generation, GenerationState, Hosts, Partition, Projection,
    WorkerId,
};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::beside::Beside;
use super::blocked::Blocked;
use super::error::{ProjectionStopped, Trouble, with_causes};
use super::meeting::{Attendance, Meetings};
use super::options::ProjectionOptions;
use super::pace::Pace;
use super::share::Share;
use super::suspicion::Suspicion;
use super::telemetry;
use crate::caught::{caught, panicked};
use crate::retry::Retry;
use crate::subscription::{self, Subscription};
use crate::visibility::Visibility;

/// How a worker comes back to a read database that is away: until it is there again.
const RECONNECT: Retry = Retry {
    attempts_max: u32::MAX,
    pause_first: Duration::from_millis(50),
    pause_max: Duration::from_secs(2),
};

/// What all workers of a process have in common.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) visibility: Visibility,
    pub(super) options: ProjectionOptions,
    pub(super) meetings: Meetings,
    /// Rung when somebody in this process asks for something.
    pub(super) wake: Arc<Notify>,
    pub(super) shutdown: watch::Receiver<bool>,
}

/// What others in the process see of a worker.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// It has the first partition, so it is the one that looks after the generation as a whole.
    pub(super) is_first: AtomicBool,
    /// It had nothing left to read the last time it looked.
    pub(super) is_caught_up: AtomicBool,
    /// Why its generation does not come to serve, although it has caught up.
    obstacle: Mutex<Option<String>>,
}

impl Pulse {
    pub(super) fn set_obstacle(&self, obstacle: Option<String>) {
        *self.lock() = obstacle;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Worker<P: Projection, D> {
    pub(super) around: Surroundings,
    pub(super) models: Arc<D>,
    pub(super) projection: Arc<P>,
    pub(super) beside: Arc<dyn Beside<P>>,
    pub(super) generation: Generation,
    pub(super) pulse: Arc<Pulse>,
    pub(super) id: WorkerId,
    pub(super) blocked: Blocked,
    pub(super) suspicion: Suspicion,
    pub(super) attendance: Attendance,
    pub(super) subscription: Option<Subscription>,
    pub(super) pace: Pace,
    pub(super) last_error: Option<String>,
    /// It has waited for the events that come next.
    pub(super) is_woken: bool,
}

impl<P: Projection, D: Hosts<P>> Worker<P, D> {
    pub(super) fn new(
        around: Surroundings,
        models: Arc<D>,
        projection: Arc<P>,
        beside: Arc<dyn Beside<P>>,
        generation: Generation,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self {
            around,
            models,
            projection,
            beside,
            generation,
            pulse,
            id: WorkerId::new(),
            blocked: Blocked::default(),
            suspicion: Suspicion::none(),
            attendance: Attendance::default(),
            subscription: None,
            pace: Pace::default(),
            last_error: None,
            is_woken: false,
        }
    }

    /// Works until it is told to end, the generation is retired, or it cannot go on.
    pub(super) async fn run(mut self) -> Result<(), ProjectionStopped> {
        let mut failures = 0;
        let ended = loop {
            if self.is_over() {
                break Ok(());
            }
            match self.round().await {
                Ok(()) => failures = 0,
                Err(Trouble::Retired) => break Ok(()),
                Err(Trouble::Fenced) => {
                    self.subscription = None;
                    failures += 1;
                    tracing::debug!(generation = %self.generation.key, "fenced");
                    telemetry::stumbled(P::NAME, "fenced");
                    self.pause(&RECONNECT, failures).await;
                }
                Err(Trouble::Unavailable(error)) => {
                    self.subscription = None;
                    failures += 1;
                    self.note(&*error);
                    telemetry::stumbled(P::NAME, "unavailable");
                    self.pause(&RECONNECT, failures).await;
                }
                Err(Trouble::Stopped(reason)) => break Err(reason),
            }
        };
        self.pulse.is_first.store(false, Ordering::Relaxed);
        self.beside.holds(&self.generation, Vec::new());
        if let Err(reason) = &ended {
            tracing::error!(
                generation = %self.generation.key,
                error = with_causes(reason),
                "a projection stops"
            );
            // The last thing that is heard of it is why. The leases end by themselves, so that
            // nobody takes this for work in progress.
            self.last_error = Some(with_causes(reason));
            let _ = self.claim().await;
        } else if let Err(error) = self.models.release(&self.generation.key, self.id).await {
            tracing::debug!(error = with_causes(&error), "leases were not given back");
        }
        ended
    }

    /// From one claim to the next.
    async fn round(&mut self) -> Result<(), Trouble> {
        let lease = self.around.options.lease;
        let until = Instant::now() + lease / 3;
        let mut share = self.claim().await?;
        self.pulse.is_first.store(share.has(Partition::new(0)), Ordering::Relaxed);
        if share.is_empty() {
            self.subscription = None;
            self.wait(until).await;
            return Ok(());
        }
        self.check_log(&share).await?;
        let blocked = self.models.blocked_streams(&self.generation.key, share.partitions()).await?;
        self.blocked = Blocked::new(blocked);
        loop {
            // In turn with the log, so that streams that stand still do not hold up the others.
            let requested = self.blocked.requested(&share);
            let is_asked = requested.is_some();
            if let Some(requested) = requested {
                self.follow(&share, requested).await?;
            }
            let has_more = self.step(&mut share, until).await?;
            if self.is_over() || Instant::now() >= until {
                return Ok(());
            }
            if !has_more && !is_asked {
                self.note_caught_up();
                if !self.wait_for_news(&share, until).await? {
                    return Ok(());
                }
                self.is_woken = true;
            }
        }
    }

    async fn claim(&mut self) -> Result<Share, Trouble> {
        let last_error = self.last_error.clone().or_else(|| self.pulse.lock().clone());
        let claim = Claim {
            generation: self.generation.key.clone(),
            worker: self.id,
            ttl: self.around.options.lease,
            report: self.pace.report(last_error),
        };
        let leases = self.models.claim(claim).await?;
        let share = Share::new(leases, self.generation.partitions);
        self.beside.holds(&self.generation, share.partitions());
        Ok(share)
    }

    /// Refuses a log that is not the one the tables were built from.
    async fn check_log(&mut self, share: &Share) -> Result<(), Trouble> {
        if self.generation.log_id != self.around.store.log_id() {
            return Err(Trouble::Stopped(ProjectionStopped::OtherLog));
        }
        let checkpoints = share.checkpoints();
        // It looks at its own checkpoint itself, at no other.
        let is_where_it_was =
            |subscription: &Subscription| checkpoints == [subscription.checkpoint()];
        if !self.subscription.as_ref().is_some_and(is_where_it_was) {
            for checkpoint in checkpoints {
                subscription::verify(&*self.around.store, checkpoint).await?;
            }
            self.subscription = None;
        }
        Ok(())
    }

    /// Waits until there is something new in the log. Says whether there is.
    async fn wait_for_news(&self, share: &Share, until: Instant) -> Result<bool, Trouble> {
        let lowest = share.lowest().position;
        tokio::select! {
            news = timeout_at(until, self.around.store.wait_past(lowest)) => match news {
                Ok(news) => news.map(|_| true).map_err(Trouble::from),
                Err(_) => Ok(false),
            },
            () = self.called() => Ok(false),
        }
    }

    /// Has the supervisor look whether there is something to switch to.
    pub(super) fn note_caught_up(&self) {
        let is_news = !self.pulse.is_caught_up.swap(true, Ordering::Relaxed);
        if is_news && self.generation.state == GenerationState::Building {
            self.around.wake.notify_waiters();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        *self.around.shutdown.borrow()
    }

    async fn wait(&self, until: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.called() => {}
        }
    }

    /// Waits until somebody asks for something, or for the end.
    async fn called(&self) {
        let mut shutdown = self.around.shutdown.clone();
        tokio::select! {
            () = self.around.wake.notified() => {}
            _ = shutdown.wait_for(|is_over| *is_over) => {}
        }
    }

    /// Waits before the attempt that follows attempt number `done`, if there may be one.
    pub(super) async fn pause(&self, retry: &Retry, done: u32) -> bool {
        let mut shutdown = self.around.shutdown.clone();
        tokio::select! {
            goes_on = retry.pause_after(done) => goes_on,
            // Whatever it was is tried again by the next process.
            _ = shutdown.wait_for(|is_over| *is_over) => true,
        }
    }

    pub(super) fn note(&mut self, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        let error = with_causes(error);
        tracing::warn!(generation = %self.generation.key, error, "a projection stumbles");
        self.last_error = Some(error);
    }

    /// What is done beside the read model, before it is written. A panic is a refusal, as that of
    /// any other code of the application.
    pub(super) async fn before(&self, changes: &P::Changes) -> Result<(), ApplyError> {
        caught(self.beside.before(changes))
            .await
            .unwrap_or_else(|panic| Err(ApplyError::Rejected { source: panicked(&*panic) }))
    }

    pub(super) fn store(&self) -> &dyn EventStore {
        &*self.around.store
    }
}

//! What keeps the workers of a process going.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals_core::{Generation, GenerationKey, GenerationState, ReadModels, ReadModelsError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::{ProjectionStopped, Trouble, with_causes};
use super::lag::Lag;
use super::promotion::{Promoted, Promotion};
use super::registration::Registered;
use super::worker::{Pulse, Surroundings};
use crate::caught::caught;

/// Pause between two looks at the generations, which other processes may have begun, switched or
/// retired.
///
/// What this process does itself is seen at once.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Starts workers for whatever there is to build, and switches to what has been built.
pub(super) struct Supervisor {
    pub(super) registered: Vec<Arc<dyn Registered>>,
    pub(super) models: Arc<dyn ReadModels>,
    pub(super) around: Surroundings,
    pub(super) workers: HashMap<GenerationKey, Team>,
    pub(super) tasks: JoinSet<Ended>,
    /// Generations that are being promoted.
    pub(super) promoting: HashSet<GenerationKey>,
    pub(super) lag: Lag,
}

/// The workers of a generation.
pub(super) struct Team {
    state: GenerationState,
    pulses: Vec<Arc<Pulse>>,
    /// Tells them to end.
    end: watch::Sender<bool>,
    running: usize,
}

/// A task that has ended.
pub(super) enum Ended {
    Worker(GenerationKey, Result<(), ProjectionStopped>),
    Promotion(GenerationKey, Result<Promoted, Trouble>),
}

impl Supervisor {
    /// Runs until it is told to end. The first reason why a generation cannot go on is given at the
    /// end; the others go on until then.
    pub(super) async fn run(mut self) -> Result<(), ProjectionStopped> {
        let mut shutdown = self.around.shutdown.clone();
        let mut stopped = Ok(());
        while !*shutdown.borrow() {
            if let Err(error) = self.look().await {
                tracing::warn!(error = with_causes(&error), "read models cannot be looked after");
            }
            self.lag.measure(&self.registered, &*self.models, &*self.around.store).await;
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.ended(ended, &mut stopped),
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = self.around.wake.notified() => {}
                _ = shutdown.wait_for(|is_over| *is_over) => {}
            }
        }
        for team in self.workers.values() {
            team.end.send_replace(true);
        }
        while let Some(ended) = self.tasks.join_next().await {
            self.ended(ended, &mut stopped);
        }
        stopped
    }

    fn ended(
        &mut self,
        ended: Result<Ended, tokio::task::JoinError>,
        stopped: &mut Result<(), ProjectionStopped>,
    ) {
        match ended {
            Ok(Ended::Worker(key, outcome)) => {
                if let Some(team) = self.workers.get_mut(&key) {
                    team.running -= 1;
                }
                // One that has stopped stays listed, so that nobody starts it again.
                if outcome.is_err() && stopped.is_ok() {
                    *stopped = outcome;
                }
            }
            Ok(Ended::Promotion(key, outcome)) => {
                self.promoting.remove(&key);
                let obstacle = outcome.err().and_then(Trouble::reason);
                if let Some(obstacle) = &obstacle {
                    tracing::warn!(generation = %key, obstacle, "a build cannot serve yet");
                }
                // The status tells of it.
                for pulse in self.workers.get(&key).iter().flat_map(|team| &team.pulses) {
                    pulse.set_obstacle(obstacle.clone());
                }
            }
            Err(error) => tracing::debug!(%error, "a task of the projections was ended"),
        }
    }

    async fn look(&mut self) -> Result<(), ReadModelsError> {
        let generations = self.models.generations().await?;
        if self.begin_missing(&generations).await? {
            return Box::pin(self.look()).await;
        }
        self.around.meetings.expect(to_be_compared(&generations));
        for registered in self.registered.clone() {
            let own = generations.iter().filter(|generation| {
                generation.key.projection == registered.name()
                    && generation.version == registered.version()
            });
            for generation in own {
                self.staff(&registered, generation);
                if generation.state == GenerationState::Building {
                    self.promote(&registered, generation);
                }
            }
        }
        let is_there = |key: &GenerationKey| generations.iter().any(|other| other.key == *key);
        self.workers.retain(|key, team| {
            let stays = is_there(key);
            if !stays {
                team.end.send_replace(true);
            }
            stays
        });
        Ok(())
    }

    /// Begins a build of each projection whose newest version has none yet. Says whether there was
    /// one.
    async fn begin_missing(&self, generations: &[Generation]) -> Result<bool, ReadModelsError> {
        let mut has_begun = false;
        for registered in &self.registered {
            let is_newest = self.registered.iter().all(|other| {
                other.name() != registered.name() || other.version() <= registered.version()
            });
            let of_this = |generation: &&Generation| generation.key.projection == registered.name();
            let mut of_this = generations.iter().filter(of_this);
            if !is_newest || of_this.clone().any(|other| other.version >= registered.version()) {
                continue;
            }
            let pending = of_this.find(|other| {
                matches!(other.state, GenerationState::Building | GenerationState::Held)
            });
            if let Some(pending) = pending
                && !self.retire_abandoned(pending).await?
            {
                continue;
            }
            match registered.create(self.around.store.log_id()).await {
                Ok(generation) => {
                    tracing::info!(generation = %generation.key, "began a build");
                    has_begun = true;
                }
                // Another process was faster.
                Err(ReadModelsError::Refused { .. } | ReadModelsError::Moved { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(has_begun)
    }

    /// Removes a build of an older version if nobody has the code for it any more: it would never
    /// be complete, and the newer one could not begin.
    async fn retire_abandoned(&self, generation: &Generation) -> Result<bool, ReadModelsError> {
        let is_ours = self.registered.iter().any(|registered| {
            registered.name() == generation.key.projection
                && registered.version() == generation.version
        });
        if is_ours || generation.state != GenerationState::Building {
            return Ok(false);
        }
        let status = self.models.status(&generation.key).await?;
        if status.partitions.iter().any(|partition| partition.worker.is_some()) {
            return Ok(false);
        }
        tracing::warn!(generation = %generation.key, "retire a build that nobody works on");
        self.models.retire(&generation.key).await?;
        Ok(true)
    }

    /// Makes sure that a generation has its workers, and that these know what it is for.
    fn staff(&mut self, registered: &Arc<dyn Registered>, generation: &Generation) {
        if let Some(team) = self.workers.get(&generation.key) {
            // Switched back and forth between two looks, it is what it was, but they are ending.
            if team.state == generation.state && !*team.end.borrow() {
                return;
            }
            // They know the state they were started with.
            team.end.send_replace(true);
            if team.running > 0 {
                return;
            }
        }
        let builders = match generation.state {
            GenerationState::Building => self.around.options.builders.get(),
            _ => 1,
        };
        let count = usize::try_from(builders).unwrap_or(1).min(generation.partitions.into());
        let end = watch::Sender::new(false);
        let mut pulses = Vec::new();
        for _ in 0..count {
            let pulse = Arc::new(Pulse::default());
            let around = Surroundings { shutdown: end.subscribe(), ..self.around.clone() };
            let work = registered.work(around, generation.clone(), pulse.clone());
            let key = generation.key.clone();
            self.tasks.spawn(async move {
                Ended::Worker(key, unless_it_panics(work).await.unwrap_or_else(Err))
            });
            pulses.push(pulse);
        }
        let team = Team { state: generation.state, pulses, end, running: count };
        self.workers.insert(generation.key.clone(), team);
    }

    /// Has a generation promoted if one of our workers looks after it and has nothing left to do.
    fn promote(&mut self, registered: &Arc<dyn Registered>, generation: &Generation) {
        let key = &generation.key;
        let is_due = self.workers.get(key).is_some_and(|team| {
            team.pulses.iter().any(|pulse| {
                pulse.is_first.load(Ordering::Relaxed) && pulse.is_caught_up.load(Ordering::Relaxed)
            })
        });
        if !is_due || !self.promoting.insert(key.clone()) {
            return;
        }
        let promotion = Promotion {
            store: self.around.store.clone(),
            models: self.models.clone(),
            registered: registered.clone(),
            generation: generation.clone(),
        };
        let (key, mut shutdown) = (key.clone(), self.around.shutdown.clone());
        self.tasks.spawn(async move {
            let work = async {
                let promoted = unless_it_panics(promotion.run()).await;
                let promoted = promoted.unwrap_or_else(|panic| Err(Trouble::Stopped(panic)));
                if !matches!(promoted, Ok(Promoted::Serves | Promoted::Held)) {
                    // Whatever stands in its way needs time, and whoever looks is in the way of it.
                    tokio::time::sleep(LOOK_INTERVAL).await;
                }
                promoted
            };
            // Indexes and comparisons take as long as tables are large. Nobody waits for them at
            // the end: each step is done as a whole or not at all, and whoever comes next goes on.
            let promoted = tokio::select! {
                promoted = work => promoted,
                _ = shutdown.wait_for(|is_over| *is_over) => Ok(Promoted::NotYet),
            };
            Ended::Promotion(key, promoted)
        });
    }
}

/// The projections of which a generation is being built beside one that serves.
fn to_be_compared(generations: &[Generation]) -> HashSet<String> {
    let of_state = |state| {
        let of_state = move |generation: &&Generation| generation.state == state;
        generations.iter().filter(of_state).map(|generation| &generation.key.projection)
    };
    let serving: HashSet<_> = of_state(GenerationState::Serving).collect();
    of_state(GenerationState::Building).filter(|name| serving.contains(name)).cloned().collect()
}

/// What `work` comes to. A panic, which only code of users or of a read database can have caused,
/// is told like any other reason to stop.
async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Result<T, ProjectionStopped> {
    caught(work).await.map_err(|panic| {
        let stopped = ProjectionStopped::panicked(&*panic);
        tracing::error!(error = with_causes(&stopped), "a projection stops");
        stopped
    })
}

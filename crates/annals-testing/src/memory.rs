//! The executable specification of a read database: everything in memory, nothing clever.

mod generations;
mod hosting;
mod leases;
mod letters;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::{
    BoxFuture, Checkpoint, CheckpointStore, Clock, DeadLetter, DeadLetterId, EventType, Generation,
    GenerationKey, GenerationState, IndexValue, Json, Position, ReadModelsError, SystemClock,
    WorkerId, WorkerReport,
};
use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use hosting::rows;

/// A read database in memory, which hosts documents: it lasts as long as there is a handle.
///
/// For tests of what runs on read databases, and as the specification that others are compared
/// with. Each call is one step under one lock. A clone is another handle on the same database, as
/// another process would have.
///
/// ```
/// use annals_core::{Generations, ReadModels};
/// use annals_testing::MemoryReadModels;
///
/// let models = MemoryReadModels::new();
/// let another_process: Box<dyn ReadModels> = Box::new(models.clone());
/// ```
#[derive(Debug, Clone)]
pub struct MemoryReadModels {
    tables: Arc<Mutex<Tables>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) builds: BTreeMap<GenerationKey, Build>,
    /// The highest number of a generation by projection, retired ones included.
    pub(crate) last_numbers: BTreeMap<String, u32>,
    pub(crate) checkpoints: BTreeMap<String, Checkpoint>,
}

/// A generation with its tables.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) generation: Generation,
    /// By number.
    pub(crate) shares: Vec<Share>,
    /// Until when each worker counts.
    pub(crate) workers: BTreeMap<WorkerId, DateTime<Utc>>,
    pub(crate) letters: BTreeMap<DeadLetterId, Letter>,
    pub(crate) documents: BTreeMap<String, StoredDocument>,
    pub(crate) indexes: BTreeSet<&'static str>,
}

/// A partition.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) applied: u64,
    pub(crate) moved_at: Option<DateTime<Utc>>,
    pub(crate) fencing_token: u64,
    pub(crate) owner: Option<Owner>,
    pub(crate) report: WorkerReport,
}

#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) worker: WorkerId,
    pub(crate) until: DateTime<Utc>,
    pub(crate) ttl: Duration,
}

/// A dead letter with what is queued behind it.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) letter: DeadLetter,
    pub(crate) queue: BTreeMap<Position, EventType>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredDocument {
    pub(crate) document: Json,
    pub(crate) values: BTreeMap<&'static str, IndexValue>,
}

impl Default for MemoryReadModels {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryReadModels {
    /// An empty database that takes its time from the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty database that takes its time from `clock`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { tables: Arc::default(), clock }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Tables> {
        // Whatever panicked held no half-made change: checks come before changes.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step: everything under the lock, at one time.
    fn step<'a, T: Send + 'a>(
        &'a self,
        step: impl FnOnce(&mut Tables, DateTime<Utc>) -> T + Send + 'a,
    ) -> BoxFuture<'a, T> {
        Box::pin(async move {
            let mut tables = self.lock();
            step(&mut tables, self.clock.now())
        })
    }
}

impl Tables {
    pub(crate) fn find(&mut self, key: &GenerationKey) -> Result<&mut Build, ReadModelsError> {
        let not_found = || ReadModelsError::NotFound { what: key.to_string() };
        self.builds.get_mut(key).ok_or_else(not_found)
    }

    fn of<'a>(&'a mut self, projection: &'a str) -> impl Iterator<Item = &'a mut Build> {
        let is_of = move |build: &&mut Build| build.generation.key.projection == projection;
        self.builds.values_mut().filter(is_of)
    }

    pub(crate) fn serving<'a>(&'a mut self, projection: &'a str) -> Option<&'a mut Build> {
        self.of(projection).find(|build| build.generation.state == GenerationState::Serving)
    }
}

impl Build {
    /// All partitions are at least this far.
    pub(crate) fn position(&self) -> Position {
        let positions = self.shares.iter().map(|share| share.checkpoint.position);
        positions.min().unwrap_or_default()
    }
}

impl CheckpointStore for MemoryReadModels {
    fn load_checkpoint(&self, name: &str) -> BoxFuture<'_, Result<Checkpoint, ReadModelsError>> {
        let name = name.to_owned();
        self.step(move |tables, _| Ok(tables.checkpoints.get(&name).copied().unwrap_or_default()))
    }

    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let name = name.to_owned();
        self.step(move |tables, _| {
            if tables.checkpoints.get(&name).copied().unwrap_or_default() != from {
                return Err(ReadModelsError::Moved { what: format!("the checkpoint of {name}") });
            }
            tables.checkpoints.insert(name, to);
            Ok(())
        })
    }
}

/// The time `span` after `now`; the end of time if there is none.
fn after(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

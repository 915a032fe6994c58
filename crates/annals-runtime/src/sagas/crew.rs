//! What this process is doing for sagas.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_core::{Partition, StreamId};
use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::options::SagaOptions;

/// Steps of which it is remembered that this process has dealt with them, so that it does not look
/// at their instances again when the list tells of them.
const DEALT_WITH_MAX: usize = 65_536;

/// The number under which an instance as a whole is in hand: no step has it.
const WHOLE: u32 = 0;

/// What this process is doing for sagas, and what it may.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) options: SagaOptions,
    permits: Arc<Semaphore>,
    in_hand: Mutex<HashMap<Instance, HashSet<u32>>>,
    dealt_with: Cache<(Instance, u32), ()>,
    tasks: Mutex<Tasks>,
    over: watch::Sender<bool>,
    share: Mutex<Share>,
}

/// The part of the list that this process looks after.
#[derive(Debug, Default)]
struct Share {
    partitions: HashSet<Partition>,
    /// How many partitions there are.
    count: u16,
    /// Some were got since the last look around.
    has_grown: bool,
}

#[derive(Debug, Default)]
struct Tasks {
    running: JoinSet<()>,
    is_open: bool,
}

/// Names an instance: which saga, and its id.
pub(super) type Instance = (&'static str, Arc<str>);

/// Something that this process has in hand, and nobody else in it takes up meanwhile.
#[derive(Debug)]
pub(super) struct Hand {
    crew: Arc<Crew>,
    instance: Instance,
    number: u32,
    _permit: OwnedSemaphorePermit,
}

impl Crew {
    pub(super) fn new(options: SagaOptions) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(options.in_hand_max.get())),
            options,
            in_hand: Mutex::default(),
            dealt_with: Cache::new(DEALT_WITH_MAX),
            tasks: Mutex::default(),
            over: watch::Sender::new(false),
            share: Mutex::default(),
        }
    }

    /// Takes a step in hand, unless somebody has it or there is no room: then whoever looks around
    /// finds it later.
    pub(super) fn take(self: &Arc<Self>, instance: &Instance, step: u32) -> Option<Hand> {
        if self.is_over() {
            return None;
        }
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        let is_new = lock(&self.in_hand).entry(instance.clone()).or_default().insert(step);
        is_new.then(|| Hand {
            crew: Arc::clone(self),
            instance: instance.clone(),
            number: step,
            _permit: permit,
        })
    }

    /// Takes an instance in hand, to see what is to be done.
    pub(super) fn take_whole(self: &Arc<Self>, instance: &Instance) -> Option<Hand> {
        self.take(instance, WHOLE)
    }

    /// Whether somebody here is at work on the instance.
    pub(super) fn is_in_hand(&self, instance: &Instance) -> bool {
        lock(&self.in_hand).contains_key(instance)
    }

    /// Whether this process is at work on the step, or was.
    pub(super) fn knows(&self, instance: &Instance, step: u32) -> bool {
        lock(&self.in_hand).get(instance).is_some_and(|numbers| numbers.contains(&step))
            || self.dealt_with.get(&(instance.clone(), step)).is_some()
    }

    pub(super) fn has_room(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Has work done beside what is going on.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        if tasks.is_open {
            while tasks.running.try_join_next().is_some() {}
            tasks.running.spawn(work);
        }
    }

    pub(super) fn open(&self) {
        lock(&self.tasks).is_open = true;
    }

    /// Lets everybody finish the action they are at, for some time.
    pub(super) async fn close(&self, grace: Duration) {
        self.over.send_replace(true);
        let mut running = {
            let mut tasks = lock(&self.tasks);
            tasks.is_open = false;
            std::mem::take(&mut tasks.running)
        };
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("steps of sagas were cut off; they are taken up again");
        }
    }

    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until it is over.
    pub(super) async fn ended(&self) {
        let mut over = self.over.subscribe();
        let _ = over.wait_for(|is_over| *is_over).await;
    }

    pub(super) fn set_share(&self, partitions: HashSet<Partition>, count: u16) {
        let mut share = lock(&self.share);
        let has_grown = share.has_grown || !partitions.is_subset(&share.partitions);
        *share = Share { partitions, count, has_grown };
    }

    /// Whether this process got more to look after since it was last asked.
    pub(super) fn take_growth(&self) -> bool {
        std::mem::take(&mut lock(&self.share).has_grown)
    }

    /// Whether this process has the first partition: one process has, at any time.
    pub(super) fn has_first(&self) -> bool {
        lock(&self.share).partitions.contains(&Partition::new(0))
    }

    /// Whether this process looks after the instance.
    pub(super) fn owns(&self, instance: &StreamId) -> bool {
        let share = lock(&self.share);
        share.partitions.contains(&Partition::of(instance, share.count))
    }
}

impl Hand {
    /// Goes on with another step of the instance, unless somebody has it.
    pub(super) fn pass_to(mut self, step: u32) -> Option<Self> {
        {
            let mut in_hand = lock(&self.crew.in_hand);
            let numbers = in_hand.entry(self.instance.clone()).or_default();
            if !numbers.insert(step) {
                return None;
            }
            numbers.remove(&self.number);
        }
        self.remember();
        self.number = step;
        Some(self)
    }

    fn remember(&self) {
        if self.number != WHOLE {
            self.crew.dealt_with.insert((self.instance.clone(), self.number), ());
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.remember();
        let mut in_hand = lock(&self.crew.in_hand);
        if let Some(numbers) = in_hand.get_mut(&self.instance) {
            numbers.remove(&self.number);
            if numbers.is_empty() {
                in_hand.remove(&self.instance);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

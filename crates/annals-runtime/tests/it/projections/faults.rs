//! Whatever call fails, before it did anything or after, the read model ends up as the fold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use annals_core::{
    Advance, ApplyError, BlockedStream, BoxFuture, Checkpoint, CheckpointStore, Claim, Comparison,
    DeadLetter, DeadLetterId, DeadLetterQuery, DeadLetterRequest, DeadLetters, DocumentProjection,
    Drain, Generation, GenerationKey, GenerationState, GenerationStatus, Generations, Hosts, Lease,
    Leases, NewDeadLetter, NewGeneration, Partition, Position, Projection, ReadModelsError,
    Serving, WorkerId,
};
use annals_runtime::{ProjectionOptions, Projections};
use annals_testing::MemoryReadModels;
use tokio::sync::oneshot;

use super::sums::{Sums, append, fold, sums_in};
use super::{World, brisk};

/// When the call with the chosen number fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Nothing has happened.
    Before,
    /// It has happened, but nobody is told.
    After,
}

/// A read database of which one call fails.
#[derive(Debug)]
struct Faulty {
    inner: MemoryReadModels,
    calls: AtomicU64,
    number: u64,
    when: When,
    has_failed: AtomicBool,
}

impl Faulty {
    async fn call<T, E>(
        &self,
        call: BoxFuture<'_, Result<T, E>>,
        error: fn() -> E,
    ) -> Result<T, E> {
        let is_chosen = self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.number;
        if !is_chosen {
            return call.await;
        }
        self.has_failed.store(true, Ordering::Relaxed);
        if self.when == When::After {
            let _ = call.await;
        }
        Err(error())
    }

    fn asked<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, ReadModelsError>>,
    ) -> BoxFuture<'a, Result<T, ReadModelsError>> {
        Box::pin(self.call(call, || ReadModelsError::unavailable("cut")))
    }

    fn applied<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, ApplyError>>,
    ) -> BoxFuture<'a, Result<T, ApplyError>> {
        Box::pin(self.call(call, || ApplyError::Unavailable { source: "cut".into() }))
    }
}

type Asked<'a, T> = BoxFuture<'a, Result<T, ReadModelsError>>;

impl Generations for Faulty {
    fn generations(&self) -> Asked<'_, Vec<Generation>> {
        self.asked(self.inner.generations())
    }
    fn serving(&self, projection: &str) -> Asked<'_, Option<Serving>> {
        self.asked(self.inner.serving(projection))
    }
    fn status(&self, generation: &GenerationKey) -> Asked<'_, GenerationStatus> {
        self.asked(self.inner.status(generation))
    }
    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> Asked<'_, Option<Comparison>> {
        self.asked(self.inner.compare(serving, other))
    }
    fn keep_comparison(&self, key: &GenerationKey, comparison: Comparison) -> Asked<'_, ()> {
        self.asked(self.inner.keep_comparison(key, comparison))
    }
    fn switch(&self, to: &GenerationKey) -> Asked<'_, ()> {
        self.asked(self.inner.switch(to))
    }
    fn retire(&self, generation: &GenerationKey) -> Asked<'_, ()> {
        self.asked(self.inner.retire(generation))
    }
}

impl Leases for Faulty {
    fn claim(&self, claim: Claim) -> Asked<'_, Vec<Lease>> {
        self.asked(self.inner.claim(claim))
    }
    fn release(&self, generation: &GenerationKey, worker: WorkerId) -> Asked<'_, ()> {
        self.asked(self.inner.release(generation, worker))
    }
}

impl DeadLetters for Faulty {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        self.applied(self.inner.park(lease, letter))
    }
    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> Asked<'_, Vec<BlockedStream>> {
        self.asked(self.inner.blocked_streams(generation, partitions))
    }
    fn queued_events(&self, letter: DeadLetterId, limit: usize) -> Asked<'_, Vec<Position>> {
        self.asked(self.inner.queued_events(letter, limit))
    }
    fn dead_letters(&self, query: DeadLetterQuery) -> Asked<'_, Vec<DeadLetter>> {
        self.asked(self.inner.dead_letters(query))
    }
    fn dead_letter(&self, letter: DeadLetterId) -> Asked<'_, DeadLetter> {
        self.asked(self.inner.dead_letter(letter))
    }
    fn request(&self, letter: DeadLetterId, request: DeadLetterRequest) -> Asked<'_, ()> {
        self.asked(self.inner.request(letter, request))
    }
}

impl CheckpointStore for Faulty {
    fn load_checkpoint(&self, name: &str) -> Asked<'_, Checkpoint> {
        self.asked(self.inner.load_checkpoint(name))
    }
    fn save_checkpoint(&self, name: &str, from: Checkpoint, to: Checkpoint) -> Asked<'_, ()> {
        self.asked(self.inner.save_checkpoint(name, from, to))
    }
}

impl<P: Projection> Hosts<P> for Faulty
where
    MemoryReadModels: Hosts<P>,
{
    fn create(&self, projection: Arc<P>, new: NewGeneration) -> Asked<'_, Generation> {
        self.asked(self.inner.create(projection, new))
    }
    fn apply(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.applied(self.inner.apply(projection, changes, advance))
    }
    fn drain(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.applied(self.inner.drain(projection, changes, drain))
    }
    fn finish(&self, projection: Arc<P>, generation: &GenerationKey) -> Asked<'_, ()> {
        self.asked(self.inner.finish(projection, generation))
    }
}

/// Everything a runner does: builds, follows, parks, takes up again, rebuilds and switches. Says
/// whether there was a call with this number.
async fn scenario(number: u64, when: When) -> bool {
    let world = World::new();
    let faulty = Arc::new(Faulty {
        inner: world.models.clone(),
        calls: AtomicU64::new(0),
        number,
        when,
        has_failed: AtomicBool::new(false),
    });
    let projections = Projections::new(world.store.clone(), faulty.clone())
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    append(&*world.store, &[("a", 1), ("b", -2), ("a", 3), ("b", 4), ("c", 5)]).await;
    let (end, ended) = oneshot::channel::<()>();
    let running = projections.run(async {
        let _ = ended.await;
    });
    // What the operator does goes past the fault, or there would be nothing to test.
    let operate = async {
        world.caught_up().await;
        world.sums.accepts_all.store(true, Ordering::Relaxed);
        while sums_in(&world.models).await != fold(&*world.store).await {
            let _ = world.projections().retry_all(None, "olga").await;
            super::pass().await;
        }
        append(&*world.store, &[("a", 6), ("d", 7)]).await;
        world.projections().rebuild(Sums::NAME).await.unwrap();
        while !world.states().await.contains(&(2, GenerationState::Serving)) {
            super::pass().await;
        }
        world.caught_up().await;
        let _ = end.send(());
    };
    let ((), ended) = tokio::join!(operate, running);
    ended.unwrap_or_else(|error| panic!("call {number}, {when:?}: {error:?}"));
    world.assert_is_the_fold().await;
    faulty.has_failed.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn failure_of_any_one_call_changes_nothing_in_the_end() {
    for when in [When::Before, When::After] {
        let mut number = 1;
        while scenario(number, when).await {
            number += 1;
        }
        assert!(number > 20, "the scenario makes {number} calls only");
    }
}

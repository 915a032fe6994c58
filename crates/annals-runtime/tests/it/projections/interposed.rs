//! A read database with somebody in between, who sees each call and may spoil it.

use std::fmt::Debug;
use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BlockedStream, BoxError, BoxFuture, Checkpoint, CheckpointStore, Claim,
    Comparison, DeadLetter, DeadLetterId, DeadLetterQuery, DeadLetterRequest, DeadLetters, Drain,
    Generation, GenerationKey, GenerationStatus, Generations, Hosts, IfBehind, Lease, Leases,
    NewDeadLetter, NewGeneration, Partition, Position, Projection, ReadModelsError, Serving,
    WorkerId,
};
use annals_testing::MemoryReadModels;

/// What is asked of the read database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Generations,
    Serving,
    Status,
    Compare,
    KeepComparison,
    Switch,
    Retire,
    Claim,
    Release,
    /// The event there.
    Park(Position),
    BlockedStreams,
    QueuedEvents,
    DeadLetters,
    DeadLetter,
    Request,
    Checkpoint,
    Create,
    /// So many events.
    Apply(u64),
    Drain,
    Finish,
}

/// Somebody between a runner and its read database. What it returns as an error, the runner sees as
/// a database that is unavailable.
pub(super) trait Between: Debug + Send + Sync + 'static {
    /// Nothing has happened yet.
    fn before(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(()) })
    }

    /// It has happened, but nobody has been told.
    fn after(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A read database with somebody in between.
#[derive(Debug)]
pub(super) struct Interposed<B> {
    pub(super) inner: MemoryReadModels,
    pub(super) between: Arc<B>,
}

impl<B: Between> Interposed<B> {
    pub(super) fn new(inner: &MemoryReadModels, between: &Arc<B>) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), between: between.clone() })
    }

    async fn call<T, E>(
        &self,
        call: Call,
        inner: BoxFuture<'_, Result<T, E>>,
        error: fn(BoxError) -> E,
    ) -> Result<T, E> {
        self.between.before(call).await.map_err(error)?;
        let answer = inner.await;
        self.between.after(call).await.map_err(error)?;
        answer
    }

    fn asked<'a, T: Send + 'a>(&'a self, call: Call, inner: Asked<'a, T>) -> Asked<'a, T> {
        Box::pin(self.call(call, inner, ReadModelsError::unavailable))
    }

    fn applied<'a, T: Send + 'a>(
        &'a self,
        call: Call,
        inner: BoxFuture<'a, Result<T, ApplyError>>,
    ) -> BoxFuture<'a, Result<T, ApplyError>> {
        Box::pin(self.call(call, inner, |source| ApplyError::Unavailable { source }))
    }
}

type Asked<'a, T> = BoxFuture<'a, Result<T, ReadModelsError>>;

impl<B: Between> Generations for Interposed<B> {
    fn generations(&self) -> Asked<'_, Vec<Generation>> {
        self.asked(Call::Generations, self.inner.generations())
    }
    fn serving(&self, projection: &str) -> Asked<'_, Option<Serving>> {
        self.asked(Call::Serving, self.inner.serving(projection))
    }
    fn status(&self, generation: &GenerationKey) -> Asked<'_, GenerationStatus> {
        self.asked(Call::Status, self.inner.status(generation))
    }
    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> Asked<'_, Option<Comparison>> {
        self.asked(Call::Compare, self.inner.compare(serving, other))
    }
    fn keep_comparison(&self, key: &GenerationKey, comparison: Comparison) -> Asked<'_, ()> {
        self.asked(Call::KeepComparison, self.inner.keep_comparison(key, comparison))
    }
    fn switch(&self, to: &GenerationKey, if_behind: IfBehind) -> Asked<'_, ()> {
        self.asked(Call::Switch, self.inner.switch(to, if_behind))
    }
    fn retire(&self, generation: &GenerationKey) -> Asked<'_, ()> {
        self.asked(Call::Retire, self.inner.retire(generation))
    }
}

impl<B: Between> Leases for Interposed<B> {
    fn claim(&self, claim: Claim) -> Asked<'_, Vec<Lease>> {
        self.asked(Call::Claim, self.inner.claim(claim))
    }
    fn release(&self, generation: &GenerationKey, worker: WorkerId) -> Asked<'_, ()> {
        self.asked(Call::Release, self.inner.release(generation, worker))
    }
}

impl<B: Between> DeadLetters for Interposed<B> {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        self.applied(Call::Park(letter.position), self.inner.park(lease, letter))
    }
    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> Asked<'_, Vec<BlockedStream>> {
        self.asked(Call::BlockedStreams, self.inner.blocked_streams(generation, partitions))
    }
    fn queued_events(&self, letter: DeadLetterId, limit: usize) -> Asked<'_, Vec<Position>> {
        self.asked(Call::QueuedEvents, self.inner.queued_events(letter, limit))
    }
    fn dead_letters(&self, query: DeadLetterQuery) -> Asked<'_, Vec<DeadLetter>> {
        self.asked(Call::DeadLetters, self.inner.dead_letters(query))
    }
    fn dead_letter(&self, letter: DeadLetterId) -> Asked<'_, DeadLetter> {
        self.asked(Call::DeadLetter, self.inner.dead_letter(letter))
    }
    fn request(&self, letter: DeadLetterId, request: DeadLetterRequest) -> Asked<'_, ()> {
        self.asked(Call::Request, self.inner.request(letter, request))
    }
}

impl<B: Between> CheckpointStore for Interposed<B> {
    fn load_checkpoint(&self, name: &str) -> Asked<'_, Checkpoint> {
        self.asked(Call::Checkpoint, self.inner.load_checkpoint(name))
    }
    fn save_checkpoint(&self, name: &str, from: Checkpoint, to: Checkpoint) -> Asked<'_, ()> {
        self.asked(Call::Checkpoint, self.inner.save_checkpoint(name, from, to))
    }
}

impl<P: Projection, B: Between> Hosts<P> for Interposed<B>
where
    MemoryReadModels: Hosts<P>,
{
    fn create(&self, projection: Arc<P>, new: NewGeneration) -> Asked<'_, Generation> {
        self.asked(Call::Create, self.inner.create(projection, new))
    }
    fn apply(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.applied(
            Call::Apply(advance.applied.iter().sum()),
            self.inner.apply(projection, changes, advance),
        )
    }
    fn drain(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.applied(Call::Drain, self.inner.drain(projection, changes, drain))
    }
    fn finish(&self, projection: Arc<P>, generation: &GenerationKey) -> Asked<'_, ()> {
        self.asked(Call::Finish, self.inner.finish(projection, generation))
    }
}

//! A read model that gets on when a test says so, as one that another process builds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_core::{
    Advance, BoxError, BoxFuture, Checkpoint, Claim, Comparison, DocumentChanges,
    DocumentProjection, DocumentSet, Documents, EventEnvelope, EventId, Generation, GenerationKey,
    GenerationStatus, Generations, Hosts, IfBehind, Lease, Leases, LogId, NewGeneration, Position,
    ReadModelsError, Serving, WorkerId, WorkerReport,
};
use annals_testing::MemoryReadModels;

use crate::domain::Event;

/// Counts how often it is asked how far it is, and fails if it is told to.
#[derive(Debug)]
pub(crate) struct Shown {
    models: MemoryReadModels,
    key: GenerationKey,
    log_id: LogId,
    lease: Mutex<Lease>,
    slip: Mutex<Option<Slip>>,
    questions: AtomicUsize,
    asking: AtomicUsize,
    asking_max: AtomicUsize,
}

/// What goes wrong with each question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slip {
    Unavailable,
    NeverAnswered,
}

/// Documents without any.
#[derive(Debug)]
struct Nothing;

impl Documents for Nothing {
    const NAME: &'static str = Shown::NAME;
    const VERSION: u32 = 1;
    type Event = Event;
    type Document = ();

    fn keys(&self, _: &EventEnvelope<Event>) -> Vec<String> {
        Vec::new()
    }

    fn apply(&self, _: &EventEnvelope<Event>, _: &mut DocumentSet<()>) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Shown {
    pub(crate) const NAME: &'static str = "shown";

    /// One that serves and has seen nothing yet, of a log of its own.
    pub(crate) async fn serving() -> Arc<Self> {
        Self::serving_of(LogId::new()).await
    }

    pub(crate) async fn serving_of(log_id: LogId) -> Arc<Self> {
        let shown = Self::built_from(log_id).await;
        shown.serve().await;
        shown
    }

    pub(crate) async fn building() -> Arc<Self> {
        Self::built_from(LogId::new()).await
    }

    async fn built_from(log_id: LogId) -> Arc<Self> {
        let models = MemoryReadModels::new();
        let projection = Arc::new(DocumentProjection(Nothing));
        let key = models.create(projection, NewGeneration { log_id }).await.unwrap().key;
        let claim = Claim {
            generation: key.clone(),
            worker: WorkerId::new(),
            ttl: Duration::from_secs(3_600),
            report: WorkerReport::default(),
        };
        let lease = models.claim(claim).await.unwrap().remove(0);
        Arc::new(Self {
            models,
            key,
            log_id,
            lease: Mutex::new(lease),
            slip: Mutex::default(),
            questions: AtomicUsize::new(0),
            asking: AtomicUsize::new(0),
            asking_max: AtomicUsize::new(0),
        })
    }

    pub(crate) fn log_id(&self) -> LogId {
        self.log_id
    }

    pub(crate) async fn serve(&self) {
        self.models.switch(&self.key, IfBehind::Refuse).await.unwrap();
    }

    /// Moves past events none of which it wants.
    pub(crate) async fn reach(&self, position: u64) {
        let lease = self.lease.lock().unwrap().clone();
        let position = Position::new(position).unwrap();
        let to = Checkpoint { position, event_id: Some(EventId::new()) };
        let advance = Advance { leases: vec![lease], to, applied: vec![0], queued: Vec::new() };
        let projection = Arc::new(DocumentProjection(Nothing));
        let changes = Arc::new(DocumentChanges::default());
        self.models.apply(projection, changes, advance).await.unwrap();
        self.lease.lock().unwrap().checkpoint = to;
    }

    pub(crate) fn slip(&self, slip: Option<Slip>) {
        *self.slip.lock().unwrap() = slip;
    }

    /// How often it was asked.
    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// How many asked at the same time, at most.
    pub(crate) fn asking_max(&self) -> usize {
        self.asking_max.load(Ordering::Relaxed)
    }
}

impl Generations for Shown {
    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>> {
        let answer = self.models.serving(projection);
        Box::pin(async move {
            self.questions.fetch_add(1, Ordering::Relaxed);
            let asking = self.asking.fetch_add(1, Ordering::Relaxed) + 1;
            self.asking_max.fetch_max(asking, Ordering::Relaxed);
            // Long enough for others to come in between.
            tokio::task::yield_now().await;
            self.asking.fetch_sub(1, Ordering::Relaxed);
            let slip = *self.slip.lock().unwrap();
            match slip {
                None => answer.await,
                Some(Slip::Unavailable) => Err(ReadModelsError::unavailable("away")),
                Some(Slip::NeverAnswered) => std::future::pending().await,
            }
        })
    }

    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>> {
        self.models.generations()
    }

    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>> {
        self.models.status(generation)
    }

    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>> {
        self.models.compare(serving, other)
    }

    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        self.models.keep_comparison(generation, comparison)
    }

    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        self.models.switch(to, if_behind)
    }

    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        self.models.retire(generation)
    }
}

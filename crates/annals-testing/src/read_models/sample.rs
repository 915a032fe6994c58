//! A log to build read models from, and what the suite does again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    Advance, ApplyError, Checkpoint, Claim, DocumentChanges, DocumentList, DocumentOrder,
    DocumentProjection, DocumentSet, Documents, EventEnvelope, EventId, Generation, GenerationKey,
    Hosts, IfBehind, Lease, ListedDocument, LogId, Metadata, NewGeneration, Partition, Position,
    Projection, ReadModelsError, Sequence, StreamId, WorkerId, WorkerReport,
};
use chrono::DateTime;

use super::harness::{ReadDatabase, ReadModelHarness, ReadModelsUnderTest};
use super::sums::{Rank, Sum, SumEvent, Sums};

/// How long leases of the suite last: longer than any check takes, so that they end when the check
/// lets time pass and never by themselves.
pub(crate) const TTL: Duration = Duration::from_hours(1);

/// Long enough for all leases to be over.
pub(crate) const LONG: Duration = Duration::from_hours(3);

/// The projection that is used where any will do.
pub(crate) const NAME: &str = "sums_4";
pub(crate) const PARTITIONS: u16 = 4;
pub(crate) type Fours = DocumentProjection<Sums<4>>;
pub(crate) type Changes = DocumentChanges<SumEvent>;

/// A read database and a log.
pub(crate) struct Scene {
    pub(crate) database: Box<dyn ReadDatabase>,
    pub(crate) models: Arc<dyn ReadModelsUnderTest>,
    pub(crate) log: SampleLog,
}

impl Scene {
    pub(crate) async fn new(harness: &dyn ReadModelHarness) -> Self {
        let database = harness.create().await;
        let models = database.open().await;
        Self { database, models, log: SampleLog::default() }
    }

    /// A new generation that serves, though it is empty, and everything in the hands of one worker.
    pub(crate) async fn serving(harness: &dyn ReadModelHarness) -> (Self, Worked) {
        let scene = Self::new(harness).await;
        let key = create(&*scene.models).await;
        serve(&*scene.models, &key).await;
        let worked = Worked::new(&*scene.models, &key).await;
        (scene, worked)
    }

    /// What the generation that serves holds.
    pub(crate) async fn sums(&self) -> BTreeMap<String, Sum> {
        sums(&*self.models, NAME).await
    }
}

/// A worker with what it has.
#[derive(Debug, Clone)]
pub(crate) struct Worked {
    pub(crate) worker: WorkerId,
    pub(crate) leases: Vec<Lease>,
}

impl Worked {
    pub(crate) async fn new(models: &dyn ReadModelsUnderTest, key: &GenerationKey) -> Self {
        let worker = WorkerId::new();
        Self { worker, leases: claim(models, key, worker).await }
    }

    pub(crate) fn key(&self) -> &GenerationKey {
        &self.leases.first().expect("the worker has a partition").generation
    }

    /// The lease on the partition of a stream.
    pub(crate) fn lease_of(&self, id: &str) -> &Lease {
        let partition = Partition::of(&stream(id), PARTITIONS);
        let lease = self.leases.iter().find(|lease| lease.partition == partition);
        lease.expect("the worker has the stream's partition")
    }

    /// Applies all that is due up to `to`, which must succeed.
    pub(crate) async fn apply(
        &mut self,
        models: &dyn ReadModelsUnderTest,
        log: &SampleLog,
        to: u64,
    ) {
        let (changes, advance) = log.advance(&self.leases, to);
        apply(models, changes, advance).await.expect("a healthy database applies changes");
        self.moved(log, to);
    }

    pub(crate) fn moved(&mut self, log: &SampleLog, to: u64) {
        for lease in &mut self.leases {
            lease.checkpoint = log.checkpoint(to);
        }
    }
}

/// A log that is told, not written: events with their places.
#[derive(Debug, Clone, Default)]
pub(crate) struct SampleLog {
    events: Vec<EventEnvelope<SumEvent>>,
}

impl SampleLog {
    /// Each an event that adds 1, one for each of `ids`.
    pub(crate) fn of(ids: &[&str]) -> Self {
        let mut log = Self::default();
        for id in ids {
            log.add(id, 1);
        }
        log
    }

    pub(crate) fn add(&mut self, id: &str, amount: i64) -> u64 {
        self.push(id, SumEvent::Added { amount })
    }

    pub(crate) fn rank(&mut self, id: &str, rank: Option<Rank>) -> u64 {
        self.push(id, SumEvent::Ranked { rank })
    }

    /// The next event of a stream. Gives its position.
    pub(crate) fn push(&mut self, id: &str, event: SumEvent) -> u64 {
        let stream = stream(id);
        let before = self.events.iter().filter(|event| event.stream == stream).count() as u64;
        let position = self.head() + 1;
        self.events.push(EventEnvelope {
            position: pos(position),
            stream,
            sequence: Sequence::ZERO.plus(before + 1),
            event_id: EventId::new(),
            timestamp: DateTime::UNIX_EPOCH,
            metadata: Metadata::default(),
            event,
        });
        position
    }

    pub(crate) fn head(&self) -> u64 {
        self.events.len() as u64
    }

    pub(crate) fn event(&self, position: u64) -> &EventEnvelope<SumEvent> {
        let event = self.events.iter().find(|event| event.position.get() == position);
        event.expect("the log has the event")
    }

    pub(crate) fn checkpoint(&self, position: u64) -> Checkpoint {
        let event_id = (position > 0).then(|| self.event(position).event_id);
        Checkpoint { position: pos(position), event_id }
    }

    /// Everything that is due for the leases up to `to`.
    pub(crate) fn advance(&self, leases: &[Lease], to: u64) -> (Arc<Changes>, Advance) {
        self.advance_among(leases, to, |_| true)
    }

    /// What is due for the leases up to `to` and chosen by `is_chosen`.
    pub(crate) fn advance_among(
        &self,
        leases: &[Lease],
        to: u64,
        is_chosen: impl Fn(&EventEnvelope<SumEvent>) -> bool,
    ) -> (Arc<Changes>, Advance) {
        let (mut events, mut applied) = (Vec::new(), vec![0; leases.len()]);
        for event in self.events.iter().filter(|event| event.position.get() <= to) {
            let place = leases.iter().position(|lease| is_due(lease, event));
            if let Some(count) = place.and_then(|place| applied.get_mut(place))
                && is_chosen(event)
            {
                *count += 1;
                events.push(event.clone());
            }
        }
        let to = self.checkpoint(to);
        (changes(events), Advance { leases: leases.to_vec(), to, applied, queued: Vec::new() })
    }

    /// What the events at these positions amount to.
    pub(crate) fn fold(&self, positions: impl IntoIterator<Item = u64>) -> BTreeMap<String, Sum> {
        fold(positions.into_iter().map(|position| self.event(position)))
    }
}

/// Whether an event belongs to the partition and comes after its checkpoint.
fn is_due(lease: &Lease, event: &EventEnvelope<SumEvent>) -> bool {
    let count = match lease.generation.projection.as_str() {
        "sums_1" => 1,
        NAME => PARTITIONS,
        other => panic!("the samples apply nothing to {other}"),
    };
    Partition::of(&event.stream, count) == lease.partition
        && event.position > lease.checkpoint.position
}

/// What `events` amount to when they are applied one after the other.
pub(crate) fn fold<'a>(
    events: impl IntoIterator<Item = &'a EventEnvelope<SumEvent>>,
) -> BTreeMap<String, Sum> {
    let mut sums = BTreeMap::new();
    for event in events {
        let key = event.stream.aggregate_id().to_owned();
        let mut set = DocumentSet::new([(key.clone(), sums.remove(&key))]);
        Sums::<4>.apply(event, &mut set).expect("no spoilt event is expected to be applied");
        if let Some(sum) = set.find(&key) {
            sums.insert(key, sum.clone());
        }
    }
    sums
}

/// The changes of `events`, in their order.
pub(crate) fn changes(events: impl IntoIterator<Item = EventEnvelope<SumEvent>>) -> Arc<Changes> {
    let mut changes = Changes::default();
    for event in events {
        let projection = DocumentProjection(Sums::<4>);
        projection.project(event, &mut changes).expect("the samples can be projected");
    }
    Arc::new(changes)
}

/// Has `Sums<4>` applied.
pub(crate) async fn apply(
    models: &dyn ReadModelsUnderTest,
    changes: Arc<Changes>,
    advance: Advance,
) -> Result<(), ApplyError> {
    Hosts::<Fours>::apply(models, fours(), changes, advance).await
}

pub(crate) fn fours() -> Arc<Fours> {
    Arc::new(DocumentProjection(Sums::<4>))
}

pub(crate) fn new_generation() -> NewGeneration {
    NewGeneration { log_id: LogId::new() }
}

/// A new generation of `Sums<4>`.
pub(crate) async fn create(models: &dyn ReadModelsUnderTest) -> GenerationKey {
    let created = try_create(models).await;
    created.expect("a healthy database begins a generation").key
}

pub(crate) async fn try_create(
    models: &dyn ReadModelsUnderTest,
) -> Result<Generation, ReadModelsError> {
    Hosts::<Fours>::create(models, fours(), new_generation()).await
}

/// Has a generation of `Sums<4>` serve.
pub(crate) async fn serve(models: &dyn ReadModelsUnderTest, key: &GenerationKey) {
    Hosts::<Fours>::finish(models, fours(), key).await.expect("a generation can be finished");
    models
        .switch(key, IfBehind::Refuse)
        .await
        .expect("a generation that is not behind can be switched to");
}

pub(crate) fn claim_of(key: &GenerationKey, worker: WorkerId) -> Claim {
    Claim { generation: key.clone(), worker, ttl: TTL, report: WorkerReport::default() }
}

pub(crate) async fn claim(
    models: &dyn ReadModelsUnderTest,
    key: &GenerationKey,
    worker: WorkerId,
) -> Vec<Lease> {
    models.claim(claim_of(key, worker)).await.expect("a healthy database answers claims")
}

/// All documents of the generation that serves.
pub(crate) async fn sums(
    models: &dyn ReadModelsUnderTest,
    projection: &str,
) -> BTreeMap<String, Sum> {
    let order = DocumentOrder::Key { prefix: String::new(), after: None };
    let projection = projection.to_owned();
    let list = DocumentList { projection, order, is_descending: false, limit: LIST_ITEMS_MAX };
    let found = models.list_documents(list).await.expect("a healthy database lists documents");
    found.value.iter().map(|listed| (listed.key.clone(), sum(listed))).collect()
}

pub(crate) fn sum(listed: &ListedDocument) -> Sum {
    listed.document.read().expect("a document reads as what was written")
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("sum", id).expect("the samples' ids are valid")
}

pub(crate) fn pos(position: u64) -> Position {
    Position::new(position).expect("the samples' positions are small")
}

/// An id of a stream in the partition, out of four.
pub(crate) fn id_in(partition: u16) -> String {
    let is_there = |id: &String| Partition::of(&stream(id), PARTITIONS).get() == partition;
    (0..).map(|number: u32| number.to_string()).find(is_there).expect("streams are spread")
}

pub(crate) fn is_fenced(outcome: &Result<(), ApplyError>) -> bool {
    matches!(outcome, Err(ApplyError::Fenced))
}

pub(crate) fn is_rejected(outcome: &Result<(), ApplyError>) -> bool {
    matches!(outcome, Err(ApplyError::Rejected { .. }))
}

pub(crate) fn is_not_found<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::NotFound { .. }))
}

pub(crate) fn is_refused<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::Refused { .. }))
}

pub(crate) fn is_moved<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::Moved { .. }))
}

//! A random schedule of everything workers do, against a plain account of what it must lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_core::{
    Advance, DeadLetterId, DeadLetterQuery, DeadLetterRequest, Drain, EventEnvelope, GenerationKey,
    IfBehind, Lease, Partition, Position, QueuedEvent, StreamId, WorkerId,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::letters::{blocked, drain, new_letter, queued_event};
use super::sample::{
    LONG, PARTITIONS, SampleLog, Scene, apply, changes, claim, create, fold, is_fenced, is_moved,
    is_rejected, pos, serve,
};
use super::sums::SumEvent;

const EVENTS: u64 = 120;
const STREAMS: u32 = 9;
const STEPS: usize = 300;
/// Most events that a worker goes on by at once.
const STRIDE_MAX: u64 = 20;

/// A worker: a process with a handle of its own, and what it believes to have.
struct Worker {
    id: WorkerId,
    models: Arc<dyn ReadModelsUnderTest>,
    leases: Vec<Lease>,
}

/// What must be true, by what was acknowledged.
#[derive(Default)]
struct Account {
    /// The events that were applied, as they were, in the order they were.
    applied: Vec<EventEnvelope<SumEvent>>,
    checkpoints: BTreeMap<Partition, u64>,
    /// By stream, what it stands still for and what is queued.
    blocked: BTreeMap<StreamId, Standstill>,
    discarded: BTreeSet<u64>,
    /// The token of the last owner that was heard of, by partition.
    tokens: BTreeMap<Partition, u64>,
    /// Partitions whose owner may have lost them by time alone.
    doubtful: BTreeSet<Partition>,
}

#[derive(Clone)]
struct Standstill {
    letter: DeadLetterId,
    position: u64,
    queue: BTreeSet<u64>,
    request: Option<DeadLetterRequest>,
}

/// What happens to one generation.
struct Walk<'a> {
    scene: &'a Scene,
    key: GenerationKey,
    random: StdRng,
    workers: Vec<Worker>,
    account: Account,
}

/// Whatever the workers of two generations and an operator do in whatever order, with leases that
/// end and are lost, events that cannot be applied, retries, discards and switches: after each step
/// the read model is the fold of the events that were applied in the generation that serves, each
/// once and the events of each stream in their order.
///
/// # Panics
///
/// If the promise is broken.
pub async fn each_event_is_applied_once_on_any_schedule(harness: &dyn ReadModelHarness) {
    let seed = harness.seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::new(harness).await;
    scene.log = random_log(&mut random);
    let first = create(&*scene.models).await;
    serve(&*scene.models, &first).await;
    let second = create(&*scene.models).await;
    let mut serving = Walk::new(&scene, first, random.random()).await;
    let mut other = Walk::new(&scene, second, random.random()).await;
    for _ in 0..STEPS {
        match random.random_range(0..30) {
            0 => {
                scene.database.pass(LONG).await;
                serving.account.doubtful.extend(Partition::all(PARTITIONS));
                other.account.doubtful.extend(Partition::all(PARTITIONS));
            }
            1 | 2 => {
                let outcome = scene.models.switch(&other.key, IfBehind::Refuse).await;
                if other.position() >= serving.position() {
                    outcome.expect("it is not behind");
                    std::mem::swap(&mut serving, &mut other);
                } else {
                    assert!(is_moved(&outcome), "{outcome:?} for one that is behind");
                }
            }
            3..17 => serving.step().await,
            _ => other.step().await,
        }
        assert_eq!(scene.sums().await, fold(&serving.account.applied), "the read model");
    }
    serving.finish().await;
    other.finish().await;
    scene.models.switch(&other.key, IfBehind::Refuse).await.expect("both are at the end");
    assert_eq!(scene.sums().await, fold(&other.account.applied), "the other read model");
}

fn random_log(random: &mut StdRng) -> SampleLog {
    let mut log = SampleLog::default();
    for _ in 0..EVENTS {
        let id = random.random_range(0..STREAMS).to_string();
        let event = match random.random_range(0..12) {
            0 => SumEvent::Spoilt,
            1 => SumEvent::Removed,
            _ => SumEvent::Added { amount: random.random_range(-9..10) },
        };
        log.push(&id, event);
    }
    log
}

impl<'a> Walk<'a> {
    async fn new(scene: &'a Scene, key: GenerationKey, seed: u64) -> Self {
        let mut workers = Vec::new();
        for _ in 0..3 {
            let models = scene.database.open().await;
            workers.push(Worker { id: WorkerId::new(), models, leases: Vec::new() });
        }
        let random = StdRng::seed_from_u64(seed);
        Self { scene, key, random, workers, account: Account::default() }
    }

    async fn step(&mut self) {
        let place = self.random.random_range(0..self.workers.len());
        match self.random.random_range(0..20) {
            0 => self.release(place).await,
            1..5 => self.claim(place).await,
            5..8 => self.ask().await,
            8..12 => self.drain(place).await,
            _ => self.apply(place).await,
        }
        self.check().await;
    }

    /// All partitions are at least this far.
    fn position(&self) -> u64 {
        Partition::all(PARTITIONS).map(|here| self.checkpoint(here)).min().unwrap_or(0)
    }

    fn is_doubtful(&self, leases: &[Lease]) -> bool {
        leases.iter().any(|lease| self.account.doubtful.contains(&lease.partition))
    }

    fn worker(&mut self, place: usize) -> &mut Worker {
        self.workers.get_mut(place).expect("there are three workers")
    }

    async fn claim(&mut self, place: usize) {
        let key = self.key.clone();
        let worker = self.worker(place);
        worker.leases = claim(&*worker.models, &key, worker.id).await;
        let leases = worker.leases.clone();
        for lease in &leases {
            let checkpoint = self.account.checkpoints.get(&lease.partition).copied().unwrap_or(0);
            assert_eq!(lease.checkpoint, self.scene.log.checkpoint(checkpoint), "{lease:?}");
            let token = self.account.tokens.entry(lease.partition).or_default();
            assert!(lease.fencing_token >= *token, "the token fell");
            *token = lease.fencing_token;
            self.account.doubtful.remove(&lease.partition);
        }
    }

    async fn release(&mut self, place: usize) {
        let key = self.key.clone();
        let worker = self.worker(place);
        let released = worker.models.release(&key, worker.id).await;
        released.expect("leases can be given back");
        worker.leases.clear();
    }

    /// Whether the leases were those of the last owners, as far as it is known.
    fn is_stale(&self, leases: &[Lease]) -> bool {
        leases.iter().any(|lease| {
            let token = self.account.tokens.get(&lease.partition);
            token.is_none_or(|token| *token != lease.fencing_token)
                || self.checkpoint(lease.partition) != lease.checkpoint.position.get()
        })
    }

    fn checkpoint(&self, partition: Partition) -> u64 {
        self.account.checkpoints.get(&partition).copied().unwrap_or(0)
    }

    /// Goes on by some events. One that cannot be applied is parked, once those before it are done.
    async fn apply(&mut self, place: usize) {
        let leases = &self.worker(place).leases;
        let lowest = leases.iter().map(|lease| lease.checkpoint.position.get()).min();
        let Some(lowest) = lowest.filter(|lowest| *lowest < EVENTS) else { return };
        let to = EVENTS.min(lowest + self.random.random_range(1..=STRIDE_MAX));
        if let Some(spoilt) = self.advance(place, to).await {
            let none = self.advance(place, spoilt.position.before().get()).await;
            assert!(none.is_none(), "{none:?} comes before the first event that makes no sense");
            if !self.worker(place).leases.is_empty() {
                self.park(place, &spoilt).await;
            }
        }
    }

    /// Applies what is due up to `to`, and sometimes repeats it. Gives the first event that makes
    /// no sense, if that is why it was rejected.
    async fn advance(&mut self, place: usize, to: u64) -> Option<EventEnvelope<SumEvent>> {
        let leases = self.worker(place).leases.clone();
        let leases: Vec<Lease> =
            leases.into_iter().filter(|lease| lease.checkpoint.position.get() < to).collect();
        if leases.is_empty() {
            return None;
        }
        let models = Arc::clone(&self.worker(place).models);
        let standing = blocked(&*models, &self.key).await;
        let letter_of = |event: &EventEnvelope<SumEvent>| {
            standing.iter().find(|blocked| blocked.stream == event.stream)
        };
        let (all, _) = self.scene.log.advance(&leases, to);
        let queued: Vec<QueuedEvent> = all
            .events
            .iter()
            .filter_map(|event| {
                let letter = letter_of(event).filter(|letter| event.position > letter.position)?;
                Some(queued_event(letter.letter, event.position.get()))
            })
            .collect();
        let is_flowing = |event: &EventEnvelope<SumEvent>| letter_of(event).is_none();
        let (changes, advance) = self.scene.log.advance_among(&leases, to, is_flowing);
        let advance = Advance { queued, ..advance };
        let is_stale = self.is_stale(&leases);
        let spoilt = changes.events.iter().find(|event| event.event == SumEvent::Spoilt);
        match apply(&*models, Arc::clone(&changes), advance.clone()).await {
            Ok(()) => {
                assert!(!is_stale, "{advance:?} was applied though it was stale");
                assert!(spoilt.is_none(), "an event that makes no sense was applied");
                self.applied(&changes.events, &advance);
                for lease in &mut self.worker(place).leases {
                    if lease.checkpoint.position < advance.to.position {
                        lease.checkpoint = advance.to;
                    }
                }
                if self.random.random_bool(0.2) {
                    let again = apply(&*models, changes, advance).await;
                    assert!(is_fenced(&again), "{again:?} for a repeat");
                }
            }
            outcome if is_fenced(&outcome) => {
                assert!(is_stale || self.is_doubtful(&leases), "{advance:?} was fenced");
                self.worker(place).leases.clear();
            }
            outcome => {
                assert!(is_rejected(&outcome) && spoilt.is_some(), "{outcome:?}");
                return spoilt.cloned();
            }
        }
        None
    }

    fn applied(&mut self, events: &[EventEnvelope<SumEvent>], advance: &Advance) {
        self.account.applied.extend(events.iter().cloned());
        for lease in &advance.leases {
            self.account.checkpoints.insert(lease.partition, advance.to.position.get());
        }
        for queued in &advance.queued {
            let mut standing = self.account.blocked.values_mut();
            let standing = standing.find(|standing| standing.letter == queued.letter);
            let standing = standing.expect("an event queued up behind a letter that was parked");
            standing.queue.insert(queued.position.get());
        }
    }

    async fn park(&mut self, place: usize, event: &EventEnvelope<SumEvent>) {
        let worker = self.worker(place);
        let models = Arc::clone(&worker.models);
        let partition = Partition::of(&event.stream, PARTITIONS);
        let lease = worker.leases.iter().find(|lease| lease.partition == partition);
        let lease = lease.expect("the event was due for the worker").clone();
        let letter = new_letter(event.stream.aggregate_id(), event.position.get(), 1);
        // What matters for parking is whose the partition is, not how far it is.
        let is_owner = self.account.tokens.get(&partition) == Some(&lease.fencing_token);
        match models.park(&lease, letter).await {
            Ok(letter) => {
                assert!(is_owner, "a former owner has parked");
                let standing = Standstill {
                    letter,
                    position: event.position.get(),
                    queue: BTreeSet::new(),
                    request: None,
                };
                let standing_before = self.account.blocked.entry(event.stream.clone());
                let standing = standing_before.or_insert(standing);
                assert_eq!(standing.letter, letter, "a stream has one letter at a time");
                (standing.position, standing.request) = (event.position.get(), None);
            }
            Err(error) => {
                assert!(!is_owner || self.is_doubtful(&[lease]), "{error:?} for the owner");
            }
        }
    }

    /// The operator asks for a retry or a discard.
    async fn ask(&mut self) {
        let streams: Vec<StreamId> = self.account.blocked.keys().cloned().collect();
        let Some(stream) = streams.choose(&mut self.random) else { return };
        let by = "operator".to_owned();
        let request = if self.random.random_bool(0.7) {
            DeadLetterRequest::Retry { by }
        } else {
            DeadLetterRequest::Discard { by, why: "no reason".to_owned() }
        };
        if let Some(standing) = self.account.blocked.get_mut(stream) {
            let asked = self.scene.models.request(standing.letter, request.clone()).await;
            asked.expect("the letter blocks a stream");
            standing.request = Some(request);
        }
    }

    /// Follows a request: discards, or retries some events, of which those that make no sense may
    /// have been seen to.
    async fn drain(&mut self, place: usize) {
        let leases = self.worker(place).leases.clone();
        let requested = self.account.blocked.iter().find_map(|(stream, standing)| {
            let partition = Partition::of(stream, PARTITIONS);
            let lease = leases.iter().find(|lease| lease.partition == partition)?;
            // The checkpoint must have passed what is drained.
            let is_due = standing.position <= lease.checkpoint.position.get();
            let request = standing.request.clone().filter(|_| is_due)?;
            Some((stream.clone(), standing.clone(), lease.clone(), request))
        });
        let Some((stream, standing, lease, request)) = requested else { return };
        let is_discard = matches!(request, DeadLetterRequest::Discard { .. });
        let count = self.random.random_range(1..4);
        let taken: Vec<u64> = std::iter::once(standing.position)
            .chain(standing.queue.iter().copied())
            .take(count)
            .collect();
        let is_fixed = self.random.random_bool(0.6);
        let events: Vec<EventEnvelope<SumEvent>> = taken
            .iter()
            .skip(usize::from(is_discard))
            .map(|position| fixed(self.scene.log.event(*position), is_fixed))
            .collect();
        let through = taken.last().copied().unwrap_or(standing.position);
        let taking = Drain {
            lease: lease.clone(),
            letter: standing.letter,
            through: pos(through),
            applied: events.len() as u64,
            is_discard,
        };
        let spoilt = events.iter().find(|event| event.event == SumEvent::Spoilt).cloned();
        let is_owner = self.account.tokens.get(&lease.partition) == Some(&lease.fencing_token);
        let models = Arc::clone(&self.worker(place).models);
        match drain(&*models, changes(events.clone()), taking).await {
            Ok(()) => {
                assert!(is_owner, "a former owner has drained");
                assert!(spoilt.is_none(), "an event that makes no sense was applied");
                self.account.applied.extend(events);
                if is_discard {
                    self.account.discarded.insert(standing.position);
                }
                self.taken(&stream, standing, through, is_discard).await;
            }
            outcome if is_fenced(&outcome) => {
                assert!(!is_owner || self.is_doubtful(&[lease]), "the owner was fenced");
            }
            outcome => {
                assert!(is_rejected(&outcome) && spoilt.is_some(), "{outcome:?}");
                // Those before the bad one are drained another time.
                let first = spoilt.filter(|spoilt| spoilt.position.get() == standing.position);
                if let Some(spoilt) = first {
                    self.park(place, &spoilt).await;
                }
            }
        }
    }

    /// Notes what is left of a queue.
    async fn taken(
        &mut self,
        stream: &StreamId,
        mut standing: Standstill,
        through: u64,
        is_discard: bool,
    ) {
        standing.queue.retain(|position| *position > through);
        let Some(next) = standing.queue.pop_first() else {
            self.account.blocked.remove(stream);
            return;
        };
        standing.position = next;
        if is_discard {
            let now = blocked(&*self.scene.models, &self.key).await;
            let now = now.into_iter().find(|blocked| blocked.stream == *stream);
            let now = now.expect("the stream stands still until the queue is empty");
            assert!(matches!(now.request, Some(DeadLetterRequest::Retry { .. })), "{now:?}");
            (standing.letter, standing.request) = (now.letter, now.request);
        }
        self.account.blocked.insert(stream.clone(), standing);
    }

    /// Compares the read database with the account.
    async fn check(&self) {
        let models = &*self.scene.models;
        let status = models.status(&self.key).await.expect("the status is told");
        let applied: u64 = status.partitions.iter().map(|here| here.applied).sum();
        assert_eq!(applied, self.account.applied.len() as u64, "events applied");
        for here in &status.partitions {
            assert_eq!(here.checkpoint.position.get(), self.checkpoint(here.partition));
        }
        let standing = blocked(models, &self.key).await;
        assert_eq!(standing.len(), self.account.blocked.len(), "streams that stand still");
        for blocked in standing {
            let expected = self.account.blocked.get(&blocked.stream).expect("it was parked");
            assert_eq!(
                (blocked.letter, blocked.position.get()),
                (expected.letter, expected.position)
            );
            assert_eq!(blocked.request, expected.request);
            let queue = models.queued_events(blocked.letter, usize::MAX >> 1).await;
            let queue = queue.expect("the letter blocks a stream");
            let queue: BTreeSet<u64> = queue.into_iter().map(Position::get).collect();
            assert_eq!(queue, expected.queue, "behind {blocked:?}");
        }
    }

    /// One worker is left, and everything makes sense in the end: every event was applied once, or
    /// was discarded.
    async fn finish(&mut self) {
        for place in 1..self.workers.len() {
            self.release(place).await;
        }
        self.scene.database.pass(LONG).await;
        self.claim(0).await;
        while self.worker(0).leases.iter().any(|lease| lease.checkpoint.position.get() < EVENTS) {
            self.apply(0).await;
        }
        while let Some(letter) = self.account.blocked.values().map(|here| here.letter).next() {
            let by = "operator".to_owned();
            let request = DeadLetterRequest::Retry { by };
            let asked = self.scene.models.request(letter, request.clone()).await;
            asked.expect("the letter blocks a stream");
            for standing in self.account.blocked.values_mut() {
                if standing.letter == letter {
                    standing.request = Some(request.clone());
                }
            }
            self.drain(0).await;
        }
        self.check().await;
        let mut seen: Vec<u64> =
            self.account.applied.iter().map(|event| event.position.get()).collect();
        seen.extend(&self.account.discarded);
        seen.sort_unstable();
        assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>(), "each event once");
        let query =
            DeadLetterQuery { is_discarded: true, limit: 1_000, ..DeadLetterQuery::default() };
        let discarded = self.scene.models.dead_letters(query).await.expect("letters are listed");
        let own = discarded.iter().filter(|letter| letter.generation == self.key);
        let discarded: BTreeSet<u64> = own.map(|letter| letter.position.get()).collect();
        assert_eq!(discarded, self.account.discarded, "what was discarded is remembered");
    }
}

/// The event, as one that makes sense if it was seen to.
fn fixed(event: &EventEnvelope<SumEvent>, is_fixed: bool) -> EventEnvelope<SumEvent> {
    let mut event = event.clone();
    if is_fixed && event.event == SumEvent::Spoilt {
        event.event = SumEvent::Added { amount: 1_000 };
    }
    event
}

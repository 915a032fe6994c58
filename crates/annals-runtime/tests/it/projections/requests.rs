//! What is asked of dead letters at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_core::{
    BoxError, BoxFuture, Claim, ConsistencyToken, DeadLetter, DeadLetterQuery, DeadLetterRequest,
    DeadLetters, DocumentProjection, Drain, Hosts, Leases, WorkerId, WorkerReport,
};
use annals_runtime::{ProjectionOptions, Projections, Retry};
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::TimeDelta;

use super::interposed::{Between, Call, Interposed};
use super::sums::{Sum, Sums, append, sums_in};
use super::{World, brisk, during, key, pass};

async fn letters(models: &MemoryReadModels) -> Vec<DeadLetter> {
    let query = DeadLetterQuery { limit: 1_000, ..DeadLetterQuery::default() };
    models.dead_letters(query).await.unwrap()
}

fn retry() -> DeadLetterRequest {
    DeadLetterRequest::Retry { by: "olga".to_owned() }
}

fn discard() -> DeadLetterRequest {
    DeadLetterRequest::Discard { by: "olga".to_owned(), why: "made up".to_owned() }
}

async fn ask(models: &MemoryReadModels, request: &DeadLetterRequest) {
    for letter in letters(models).await {
        models.request(letter.id, request.clone()).await.unwrap();
    }
}

/// Asks for something once, at one moment, and cuts the line then if told to.
#[derive(Debug)]
struct Asking {
    models: MemoryReadModels,
    sums: Sums,
    request: DeadLetterRequest,
    is_moment: fn(Call) -> bool,
    is_cut: bool,
    is_due: AtomicBool,
}

impl Asking {
    fn new(world: &World, request: DeadLetterRequest, is_moment: fn(Call) -> bool) -> Self {
        let (models, sums) = (world.models.clone(), world.sums.clone());
        Self { models, sums, request, is_moment, is_cut: false, is_due: AtomicBool::new(true) }
    }

    async fn at(&self, call: Call, is_after: bool) -> Result<(), BoxError> {
        let is_moment = (self.is_moment)(call) && is_after == self.is_cut;
        let is_moment = is_moment && !letters(&self.models).await.is_empty();
        if is_moment && self.is_due.swap(false, Ordering::Relaxed) {
            ask(&self.models, &self.request).await;
            if self.is_cut {
                self.sums.accepts_all.store(true, Ordering::Relaxed);
                return Err("cut".into());
            }
        }
        Ok(())
    }
}

impl Between for Asking {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.at(call, false))
    }

    fn after(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.at(call, true))
    }
}

fn runner(world: &World, asking: &Arc<Asking>) -> Projections<Interposed<Asking>> {
    Projections::new(world.store.clone(), Interposed::new(&world.models, asking))
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()))
}

/// An event that was parked, and taken up again before the checkpoint had passed it, came again
/// with the log: it was applied twice.
#[tokio::test(start_paused = true)]
async fn event_that_is_taken_up_at_once_is_applied_once() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("a", -2), ("a", 4)]).await;
    let mut asking = Asking::new(&world, retry(), |call| matches!(call, Call::Park(_)));
    asking.is_cut = true;
    let asking = Arc::new(asking);
    during(runner(&world, &asking), async {
        world.caught_up().await;
        while !letters(&world.models).await.is_empty() {
            pass().await;
        }
    })
    .await
    .1
    .unwrap();
    assert!(!asking.is_due.load(Ordering::Relaxed));
    world.assert_is_the_fold().await;
}

/// A request to discard that came while the event was retried was lost when the retry had failed.
#[tokio::test(start_paused = true)]
async fn discard_asked_for_during_a_retry_is_followed() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("a", -2), ("a", 4)]).await;
    let asking = Asking::new(&world, discard(), |call| matches!(call, Call::Park(_)));
    let asking = Arc::new(asking);
    during(runner(&world, &asking), async {
        world.caught_up().await;
        ask(&world.models, &retry()).await;
        while !letters(&world.models).await.is_empty() {
            pass().await;
        }
    })
    .await
    .1
    .unwrap();
    assert_eq!(sums_in(&world.models).await["a"], Sum { sum: 5, count: 2 });
}

/// A request to discard that came while the event was retried with success would have left out the
/// next one, which nobody had looked at.
#[tokio::test(start_paused = true)]
async fn discard_concerns_the_event_it_was_asked_for_and_no_other() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("a", -2)]).await;
    append(&*world.store, &vec![("a", 1); 1_500]).await;
    let asking = Asking::new(&world, discard(), |call| call == Call::Drain);
    let asking = Arc::new(asking);
    during(runner(&world, &asking), async {
        world.caught_up().await;
        world.sums.accepts_all.store(true, Ordering::Relaxed);
        ask(&world.models, &retry()).await;
        while !letters(&world.models).await.is_empty() {
            pass().await;
        }
    })
    .await
    .1
    .unwrap();
    assert!(!asking.is_due.load(Ordering::Relaxed));
    world.assert_is_the_fold().await;
}

/// Before anything was read on, all requests were followed.
#[tokio::test(start_paused = true)]
async fn streams_that_are_taken_up_do_not_hold_up_the_others() {
    let world = World::new();
    let ids: Vec<String> = (0..100).map(|id| format!("account-{id}")).collect();
    append(&*world.store, &ids.iter().map(|id| (id.as_str(), -1)).collect::<Vec<_>>()).await;
    let pause = Duration::from_millis(500);
    let mut options = ProjectionOptions::default();
    options.retry = Retry { attempts_max: 4, pause_first: pause, pause_max: pause };
    let projections = world.projections().options(options);
    during(projections, async {
        world.caught_up().await;
        ask(&world.models, &retry()).await;
        // They are seen with the next claim, and take a minute altogether.
        for _ in 0..150 {
            pass().await;
        }
        append(&*world.store, &[("good", 1)]).await;
        let position = world.store.head().await.unwrap();
        let token = ConsistencyToken { log_id: world.store.log_id(), position };
        let visibility = world.projections().visibility().clone();
        visibility.wait_for(Sums::NAME, token, Duration::from_secs(5)).await.unwrap();
    })
    .await
    .1
    .unwrap();
}

/// Somebody else discards the letter that a worker is about to take up, after its lease is over.
#[derive(Debug)]
struct Overtaking {
    world: World,
    clock: Arc<ManualClock>,
    is_due: AtomicBool,
}

impl Overtaking {
    async fn overtake(&self) {
        let World { models, sums, .. } = &self.world;
        self.clock.advance(TimeDelta::seconds(6));
        let worker = WorkerId::new();
        let (ttl, report) = (Duration::from_secs(1), WorkerReport::default());
        let leases = models.claim(Claim { generation: key(1), worker, ttl, report }).await.unwrap();
        ask(models, &discard()).await;
        let letter = letters(models).await.remove(0);
        let is_its = |lease: &&annals_core::Lease| lease.partition == letter.partition;
        let lease = leases.iter().find(is_its).unwrap().clone();
        let (letter, through) = (letter.id, letter.position);
        let drain = Drain { lease, letter, through, applied: 0, is_discard: true };
        let projection = Arc::new(DocumentProjection(sums.clone()));
        models.drain(projection, Arc::default(), drain).await.unwrap();
        models.release(&key(1), worker).await.unwrap();
    }
}

impl Between for Overtaking {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if call == Call::QueuedEvents && self.is_due.swap(false, Ordering::Relaxed) {
                self.overtake().await;
            }
            Ok(())
        })
    }
}

/// That the letter was gone was taken for the generation being gone: the worker left for good, and
/// nobody else came.
#[tokio::test(start_paused = true)]
async fn worker_whose_letter_was_settled_by_another_works_on() {
    let clock = Arc::new(ManualClock::default());
    let mut world = World::new();
    world.models = MemoryReadModels::with_clock(clock.clone());
    let (store, models, sums) = (world.store.clone(), world.models.clone(), world.sums.clone());
    let overtaken = World { store, models, sums };
    let overtaking =
        Arc::new(Overtaking { world: overtaken, clock, is_due: AtomicBool::new(true) });
    append(&*world.store, &[("a", -1)]).await;
    let models = Interposed::new(&world.models, &overtaking);
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    let ((), ended) = during(projections, async {
        world.caught_up().await;
        ask(&world.models, &retry()).await;
        while overtaking.is_due.load(Ordering::Relaxed) {
            pass().await;
        }
        append(&*world.store, &[("a", 2)]).await;
        tokio::time::timeout(Duration::from_secs(60), world.caught_up()).await.unwrap();
    })
    .await;
    ended.unwrap();
    assert_eq!(sums_in(&world.models).await["a"], Sum { sum: 2, count: 1 });
}

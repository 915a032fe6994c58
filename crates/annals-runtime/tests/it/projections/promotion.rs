//! When a build comes to serve, and when it does not.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{
    Advance, BoxError, BoxFuture, Checkpoint, Claim, ConsistencyToken, DocumentProjection, EventId,
    GenerationState, Generations, Hosts, IfBehind, Lease, Leases, ReadModelsError, WorkerId,
    WorkerReport,
};
use annals_runtime::{ProjectionOptions, ProjectionStopped, Projections, WaitError};
use annals_testing::{ManualClock, MemoryReadModels};
use tokio::time::Instant;

use super::interposed::{Between, Call, Interposed};
use super::sums::{NewSums, append};
use super::{World, brisk, during, key, pass};

async fn claim(world: &World, worker: WorkerId) -> Vec<Lease> {
    let (ttl, report) = (Duration::from_secs(3_600), WorkerReport::default());
    world.models.claim(Claim { generation: key(1), worker, ttl, report }).await.unwrap()
}

/// Begins a generation of which another process has the second half.
async fn begin_with_another(world: &World) -> (WorkerId, Vec<Lease>) {
    world.projections().rebuild("sums").await.unwrap();
    let (one, other) = (WorkerId::new(), WorkerId::new());
    for worker in [one, other, one] {
        claim(world, worker).await;
    }
    let leases = claim(world, other).await;
    assert_eq!(leases.iter().map(|lease| lease.partition.get()).collect::<Vec<_>>(), [2, 3]);
    world.models.release(&key(1), one).await.unwrap();
    (other, leases)
}

/// Counts questions.
#[derive(Debug, Default)]
struct Counting {
    calls: AtomicU64,
}

impl Between for Counting {
    fn before(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }
}

/// Each promotion that came to nothing led to the next at once, and woke up all workers.
#[tokio::test(start_paused = true)]
async fn waiting_for_another_process_to_catch_up_costs_next_to_nothing() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]).await;
    begin_with_another(&world).await;
    let counting = Arc::new(Counting::default());
    let models = Interposed::new(&world.models, &counting);
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    during(projections, async {
        for _ in 0..50 {
            pass().await;
        }
        counting.calls.store(0, Ordering::Relaxed);
        for _ in 0..500 {
            pass().await;
        }
    })
    .await
    .1
    .unwrap();
    // In 10 s.
    let calls = counting.calls.load(Ordering::Relaxed);
    assert!(calls < 150, "{calls} questions");
    assert_eq!(world.states().await, [(1, GenerationState::Building)]);
}

/// Only the lowest checkpoint of a worker was compared with the log, and only when it read from a
/// new place: what came from another history further ahead was believed.
#[tokio::test(start_paused = true)]
async fn partition_that_is_taken_over_must_belong_to_the_log() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2), ("c", 3)]).await;
    let (other, leases) = begin_with_another(&world).await;
    let position = annals_core::Position::new(6).unwrap();
    let to = Checkpoint { position, event_id: Some(EventId::new()) };
    let advance = Advance { leases, to, applied: vec![0, 0], queued: Vec::new() };
    let projection = Arc::new(DocumentProjection(world.sums.clone()));
    world.models.apply(projection, Arc::default(), advance).await.unwrap();
    let ((), ended) = world
        .during(async {
            for _ in 0..50 {
                pass().await;
            }
            world.models.release(&key(1), other).await.unwrap();
            for _ in 0..200 {
                pass().await;
            }
            append(&*world.store, &vec![("a", 1); 10]).await;
            for _ in 0..500 {
                pass().await;
            }
        })
        .await;
    assert!(matches!(ended, Err(ProjectionStopped::Checkpoint(_))), "{ended:?}");
}

/// A build whose code is gone stood in the way of the one that replaces it, for ever.
#[tokio::test(start_paused = true)]
async fn newer_version_takes_the_place_of_a_build_nobody_works_on() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    world.projections().rebuild("sums").await.unwrap();
    let newer = Projections::new(world.store.clone(), Arc::new(world.models.clone()))
        .with(DocumentProjection(NewSums(world.sums.clone())));
    let caught_up = tokio::time::timeout(Duration::from_secs(120), world.caught_up());
    during(newer, caught_up).await.0.unwrap();
    assert_eq!(world.states().await, [(2, GenerationState::Serving)]);
    world.assert_is_the_fold().await;
}

#[tokio::test(start_paused = true)]
async fn newer_version_waits_for_a_build_that_somebody_works_on() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    begin_with_another(&world).await;
    let newer = Projections::new(world.store.clone(), Arc::new(world.models.clone()))
        .with(DocumentProjection(NewSums(world.sums.clone())));
    during(newer, async {
        for _ in 0..100 {
            pass().await;
        }
    })
    .await
    .1
    .unwrap();
    assert_eq!(world.states().await, [(1, GenerationState::Building)]);
}

/// Cannot compare.
#[derive(Debug)]
struct Incomparable;

impl Between for Incomparable {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        let fails = call == Call::Compare;
        Box::pin(async move { if fails { Err("no primary key".into()) } else { Ok(()) } })
    }
}

/// A build that is complete and cannot be compared counted as being built, and nobody said why.
#[tokio::test(start_paused = true)]
async fn status_tells_why_a_build_does_not_come_to_serve() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let models = Interposed::new(&world.models, &Arc::new(Incomparable));
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    during(projections, async {
        world.caught_up().await;
        world.projections().rebuild("sums").await.unwrap();
        for _ in 0..500 {
            pass().await;
        }
        let status = world.projections().status().await.unwrap();
        let told = status[1].last_error.as_deref().unwrap_or_default();
        assert!(told.contains("no primary key"), "{status:?}");
        assert_eq!(status[0].last_error, None);
    })
    .await
    .1
    .unwrap();
}

/// Workers told how far their generation was as long as they thought that it served; whoever waited
/// was then answered from another one, which was not as far.
#[tokio::test(start_paused = true)]
async fn waiting_is_for_what_serves_and_not_for_what_has_served() {
    let clock = Arc::new(ManualClock::default());
    let mut world = World::new();
    world.models = MemoryReadModels::with_clock(clock.clone());
    append(&*world.store, &[("a", 1)]).await;
    let build = async {
        world.caught_up().await;
        world.projections().rebuild("sums").await.unwrap();
        while !world.states().await.contains(&(2, GenerationState::Serving)) {
            pass().await;
        }
    };
    world.during(build).await.1.unwrap();
    // Another process keeps the first generation up to date, or is about to.
    claim(&world, WorkerId::new()).await;
    let projections = world.projections();
    let visibility = projections.visibility().clone();
    during(projections, async {
        for _ in 0..50 {
            pass().await;
        }
        // It goes back, and this one has not looked yet.
        world.models.switch(&key(1), IfBehind::Refuse).await.unwrap();
        append(&*world.store, &[("a", 1)]).await;
        let position = world.store.head().await.unwrap();
        let token = ConsistencyToken { log_id: world.store.log_id(), position };
        let waited = visibility.wait_for("sums", token, Duration::from_secs(1)).await;
        assert!(matches!(waited, Err(WaitError::TooLate { .. })), "{waited:?}");
    })
    .await
    .1
    .unwrap();
    let status = world.projections().status().await.unwrap();
    assert_eq!(status.iter().map(|one| one.position.get()).collect::<Vec<_>>(), [1, 2]);
}

/// Switches back to the second generation as soon as a worker of either has been told to end.
#[derive(Debug)]
struct SwitchBack {
    models: MemoryReadModels,
    is_due: AtomicBool,
}

impl Between for SwitchBack {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if call == Call::Release && self.is_due.swap(false, Ordering::Relaxed) {
                self.models.switch(&key(2), IfBehind::Refuse).await.unwrap();
            }
            Ok(())
        })
    }
}

/// Each generation was again what its workers had been started for, so these counted as being
/// there. They had been told to end, and nobody worked on either any more.
#[tokio::test(start_paused = true)]
async fn workers_are_staffed_again_when_a_generation_is_switched_back_and_forth_between_two_looks()
{
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let between =
        Arc::new(SwitchBack { models: world.models.clone(), is_due: AtomicBool::new(false) });
    let projections =
        Projections::new(world.store.clone(), Interposed::new(&world.models, &between))
            .with(DocumentProjection(world.sums.clone()))
            .options(brisk(ProjectionOptions::default()));
    let operate = async {
        world.caught_up().await;
        world.projections().rebuild("sums").await.unwrap();
        while !world.states().await.contains(&(2, GenerationState::Serving)) {
            pass().await;
        }
        // Both have workers that know what they are for.
        for _ in 0..100 {
            pass().await;
        }
        between.is_due.store(true, Ordering::Relaxed);
        world.models.switch(&key(1), IfBehind::Refuse).await.unwrap();
        while between.is_due.load(Ordering::Relaxed) {
            pass().await;
        }
        let states = [(1, GenerationState::Retained), (2, GenerationState::Serving)];
        assert_eq!(world.states().await, states);
        append(&*world.store, &[("a", 1), ("b", 2)]).await;
        world.caught_up().await;
    };
    let operate = tokio::time::timeout(Duration::from_secs(60), operate);
    let (operated, ended) = during(projections, operate).await;
    operated.expect("somebody works on what serves");
    ended.unwrap();
    world.assert_is_the_fold().await;
}

#[tokio::test(start_paused = true)]
async fn what_this_process_writes_is_visible_without_a_pause() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let projections = world.projections();
    let visibility = projections.visibility().clone();
    during(projections, async {
        world.caught_up().await;
        for _ in 0..100 {
            pass().await;
        }
        let begun = Instant::now();
        append(&*world.store, &[("a", 1)]).await;
        let position = world.store.head().await.unwrap();
        let token = ConsistencyToken { log_id: world.store.log_id(), position };
        visibility.wait_for("sums", token, Duration::from_secs(1)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    })
    .await
    .1
    .unwrap();
}

/// It would have served at once, however little of it there was.
#[tokio::test(start_paused = true)]
async fn what_is_being_built_cannot_be_switched_to() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let begun = world.projections().rebuild("sums").await.unwrap();
    let refused = world.projections().switch(&begun.key).await.unwrap_err();
    assert!(matches!(refused, ReadModelsError::Refused { .. }), "{refused:?}");
    assert_eq!(world.models.serving("sums").await.unwrap(), None);
    let status = world.projections().status().await.unwrap();
    assert!(!status[0].is_healthy(f64::MAX), "nothing serves");
}

/// A new version compared with the old one is on its way while events keep coming.
#[tokio::test(start_paused = true)]
async fn rebuild_ends_while_events_keep_coming() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            world.projections().rebuild("sums").await.unwrap();
            for _ in 0..5_000 {
                append(&*world.store, &[("a", 1), ("b", 1)]).await;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                if world.states().await.contains(&(2, GenerationState::Serving)) {
                    return;
                }
            }
            panic!("it is not done after {} events", world.store.head().await.unwrap());
        })
        .await;
    ended.unwrap();
}

/// A read database whose transactions take their time, each another.
#[derive(Debug)]
struct Jitter;

impl Between for Jitter {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if matches!(call, Call::Apply(_)) {
                let micros = rand::RngExt::random_range(&mut rand::rng(), 1_000..7_000_u64);
                tokio::time::sleep(Duration::from_micros(micros)).await;
            }
            Ok(())
        })
    }
}

/// Two generations were compared only if they happened to be at the same position, which on a busy
/// log they never were: the rebuild went on for ever.
#[tokio::test(start_paused = true)]
async fn generations_that_both_follow_a_busy_log_meet() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let models = Interposed::new(&world.models, &Arc::new(Jitter));
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    during(projections, async {
        world.caught_up().await;
        world.projections().rebuild("sums").await.unwrap();
        for _ in 0..60_000 {
            append(&*world.store, &[("a", 1)]).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if world.states().await.contains(&(2, GenerationState::Serving)) {
                return;
            }
        }
        panic!("not met");
    })
    .await
    .1
    .unwrap();
}

/// How many workers share a generation.
async fn workers(world: &World, number: u32) -> usize {
    let status = world.models.status(&key(number)).await.unwrap();
    let workers: HashSet<_> = status.partitions.iter().map(|one| one.worker).collect();
    workers.len()
}

/// The workers of another process did not know where to wait: the partitions that it had were at
/// the same position as the others by luck alone.
#[tokio::test(start_paused = true)]
async fn generations_spread_over_processes_meet() {
    let mut world = World::new();
    world.models = MemoryReadModels::with_clock(Arc::new(ManualClock::default()));
    append(&*world.store, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
    let runner = || {
        let mut options = brisk(ProjectionOptions::default());
        // What there is to do is shared out before it is done.
        options.lease = Duration::from_millis(30);
        Projections::new(world.store.clone(), Interposed::new(&world.models, &Arc::new(Jitter)))
            .with(DocumentProjection(world.sums.clone()))
            .options(options)
    };
    let operate = async {
        world.caught_up().await;
        for number in 2..8 {
            while workers(&world, number - 1).await < 2 {
                pass().await;
            }
            world.projections().rebuild("sums").await.unwrap();
            let begun = Instant::now();
            while !world.states().await.contains(&(number, GenerationState::Serving)) {
                append(&*world.store, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert!(begun.elapsed() < Duration::from_secs(5), "{number} was not met");
            }
            world.models.retire(&key(number - 1)).await.unwrap();
        }
        world.caught_up().await;
    };
    let (((), one), other) = during(runner(), during(runner(), operate)).await;
    one.unwrap();
    other.unwrap();
    world.assert_is_the_fold().await;
}

/// A read model that is ahead of a log that was restored says "rebuild it", and the rebuild never
/// came to serve, because it was behind.
#[tokio::test(start_paused = true)]
async fn rebuild_takes_the_place_of_a_read_model_that_the_log_does_not_know() {
    let mut world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2), ("a", 3)]).await;
    world.during(world.caught_up()).await.1.unwrap();
    let restored = Arc::new(super::restored::Restored::new(world.store.log_id()));
    world.store = restored;
    append(&*world.store, &[("c", 4)]).await;
    let ((), ended) = world
        .during(async {
            world.projections().rebuild("sums").await.unwrap();
            while !world.states().await.contains(&(2, GenerationState::Serving)) {
                pass().await;
            }
        })
        .await;
    let stopped = ended.unwrap_err();
    assert!(matches!(stopped, ProjectionStopped::Checkpoint(_)), "{stopped:?}");
    world.assert_is_the_fold().await;
}

//! Runners that end, and what is told of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{BoxError, BoxFuture, DocumentProjection, GenerationState, Generations};
use annals_runtime::{ProjectionOptions, ProjectionStopped, Projections};

use super::interposed::{Between, Call, Interposed};
use super::sums::{UNREADABLE, append, sums_in};
use super::{World, brisk, during, key, pass};

/// A read database that goes away.
#[derive(Debug, Default)]
struct Away {
    is_away: AtomicBool,
    calls: AtomicU64,
}

impl Between for Away {
    fn before(&self, _: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        let is_away = self.is_away.load(Ordering::Relaxed);
        let calls = self.calls.fetch_add(u64::from(is_away), Ordering::Relaxed);
        assert!(calls < 1_000, "it asks without a pause");
        Box::pin(async move { if is_away { Err("away".into()) } else { Ok(()) } })
    }
}

/// A worker that was told to end while the read database was away tried again for ever, without a
/// pause: it left only after a round that succeeded.
#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_runner_whose_read_database_is_away() {
    let world = World::new();
    let away = Arc::new(Away::default());
    let projections = Projections::new(world.store.clone(), Interposed::new(&world.models, &away))
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    append(&*world.store, &[("a", 1)]).await;
    let task = async {
        world.caught_up().await;
        away.is_away.store(true, Ordering::Relaxed);
        append(&*world.store, &[("a", 1)]).await;
        for _ in 0..100 {
            pass().await;
        }
    };
    during(projections, task).await.1.unwrap();
    assert!(away.calls.load(Ordering::Relaxed) < 100);
}

/// Takes for ever to compare.
#[derive(Debug)]
struct Comparing;

impl Between for Comparing {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if call == Call::Compare {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

/// Indexes and comparisons of large tables were finished first, however long they take.
#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_promotion() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let models = Interposed::new(&world.models, &Arc::new(Comparing));
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    let run = during(projections, async {
        world.caught_up().await;
        world.projections().rebuild("sums").await.unwrap();
        for _ in 0..200 {
            pass().await;
        }
    });
    tokio::time::timeout(Duration::from_secs(60), run).await.unwrap().1.unwrap();
    let states = [(1, GenerationState::Serving), (2, GenerationState::Building)];
    assert_eq!(world.states().await, states);
    world.during(world.caught_up()).await.1.unwrap();
}

/// Panics in one call.
#[derive(Debug, Default)]
struct Panicking {
    is_due: AtomicBool,
}

impl Between for Panicking {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        let panics = matches!(call, Call::Apply(_)) && self.is_due.load(Ordering::Relaxed);
        Box::pin(async move {
            assert!(!panics, "out of order");
            Ok(())
        })
    }
}

/// The task of a worker that panicked was forgotten: its generation counted as staffed, and the run
/// ended as if nothing had happened.
#[tokio::test(start_paused = true)]
async fn panic_outside_of_an_event_is_told_when_the_run_ends() {
    let world = World::new();
    let panicking = Arc::new(Panicking::default());
    let models = Interposed::new(&world.models, &panicking);
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    let task = async {
        world.caught_up().await;
        panicking.is_due.store(true, Ordering::Relaxed);
        append(&*world.store, &[("a", 1)]).await;
        for _ in 0..10 {
            pass().await;
        }
    };
    let error = during(projections, task).await.1.unwrap_err();
    assert!(
        matches!(&error, ProjectionStopped::Panicked { what } if what.contains("out of order")),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_transaction_parks_the_event_like_any_other_failure() {
    let world = World::new();
    world.sums.panics_late.store(true, Ordering::Relaxed);
    append(&*world.store, &[("a", 1), ("b", -1), ("a", 2)]).await;
    world.during(world.caught_up()).await.1.unwrap();
    assert_eq!(sums_in(&world.models).await.get("a").map(|sum| sum.sum), Some(3));
    let status = world.models.status(&key(1)).await.unwrap();
    assert_eq!(status.partitions.iter().map(|one| one.dead_letters).sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn panic_while_an_event_is_read_parks_it_like_any_other_failure() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", UNREADABLE), ("a", 2)]).await;
    world.during(world.caught_up()).await.1.unwrap();
    assert_eq!(sums_in(&world.models).await.get("a").map(|sum| sum.sum), Some(3));
    assert_eq!(world.states().await, [(1, GenerationState::Serving)]);
}

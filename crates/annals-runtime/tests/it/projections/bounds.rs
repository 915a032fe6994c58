//! Transactions fit into a lease, and into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{BoxError, BoxFuture, DocumentProjection, limits::PAYLOAD_BYTES_MAX};
use annals_runtime::{ProjectionOptions, ProjectionStopped, Projections};
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::TimeDelta;

use super::interposed::{Between, Call, Interposed};
use super::sums::{append, append_long};
use super::{World, brisk, during};

/// A read database that takes a millisecond for each event.
#[derive(Debug)]
struct Slow {
    clock: Arc<ManualClock>,
}

impl Between for Slow {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if let Call::Apply(events) = call {
                tokio::time::sleep(Duration::from_millis(events)).await;
                self.clock.advance(TimeDelta::milliseconds(events.try_into().unwrap()));
            }
            Ok(())
        })
    }
}

/// A batch that outlasted its lease was tried again in the same size, and never came to an end.
#[tokio::test(start_paused = true)]
async fn transactions_that_outlast_the_lease_become_shorter() {
    let clock = Arc::new(ManualClock::default());
    let mut world = World::new();
    world.models = MemoryReadModels::with_clock(clock.clone());
    append(&*world.store, &vec![("a", 1); 8_000]).await;
    let models = Interposed::new(&world.models, &Arc::new(Slow { clock }));
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    let task = tokio::time::timeout(Duration::from_secs(600), world.caught_up());
    during(projections, task).await.0.unwrap();
    world.assert_is_the_fold().await;
}

/// A read database that takes longer than a lease lasts, however few the events.
#[derive(Debug)]
struct TooSlow {
    clock: Arc<ManualClock>,
}

impl Between for TooSlow {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            if matches!(call, Call::Apply(1..)) {
                tokio::time::sleep(Duration::from_secs(6)).await;
                self.clock.advance(TimeDelta::seconds(6));
            }
            Ok(())
        })
    }
}

/// Such an event was tried again for ever, and nobody was told why its read model stood still.
#[tokio::test(start_paused = true)]
async fn single_event_that_outlasts_the_lease_stops_its_projection() {
    let clock = Arc::new(ManualClock::default());
    let mut world = World::new();
    world.models = MemoryReadModels::with_clock(clock.clone());
    append(&*world.store, &[("a", 1)]).await;
    let models = Interposed::new(&world.models, &Arc::new(TooSlow { clock }));
    let projections = Projections::new(world.store.clone(), models)
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()));
    let stopped = during(projections, tokio::time::sleep(Duration::from_secs(600))).await.1;
    let Err(ProjectionStopped::TooSlow { position, took, lease }) = stopped else {
        panic!("{stopped:?}")
    };
    assert_eq!((position.get(), took.as_secs(), lease.as_secs()), (1, 6, 5));
}

/// Remembers the largest transaction.
#[derive(Debug, Default)]
struct Largest {
    events: AtomicU64,
}

impl Between for Largest {
    fn before(&self, call: Call) -> BoxFuture<'_, Result<(), BoxError>> {
        if let Call::Apply(events) = call {
            self.events.fetch_max(events, Ordering::Relaxed);
        }
        Box::pin(async { Ok(()) })
    }
}

/// Transactions were bounded by their number of events alone, which is gigabytes of long ones.
#[tokio::test(start_paused = true)]
async fn long_events_make_a_transaction_full_sooner() {
    let world = World::new();
    append_long(&*world.store, "a", 200, PAYLOAD_BYTES_MAX - 100).await;
    let largest = Arc::new(Largest::default());
    let projections =
        Projections::new(world.store.clone(), Interposed::new(&world.models, &largest))
            .with(DocumentProjection(world.sums.clone()))
            .options(brisk(ProjectionOptions::default()));
    during(projections, world.caught_up()).await.1.unwrap();
    let events = largest.events.load(Ordering::Relaxed);
    assert!((64..=80).contains(&events), "{events} events of a megabyte");
}

//! Several runners on one read database.

use std::sync::Arc;

use annals_core::{DocumentProjection, GenerationState, MemoryStore};
use annals_runtime::{ProjectionOptions, ProjectionState, Projections};
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::sums::{Sums, append};
use super::{World, brisk};

fn world(clock: &Arc<ManualClock>) -> World {
    let models = MemoryReadModels::with_clock(clock.clone());
    World { store: Arc::new(MemoryStore::new()), models, sums: Sums::default() }
}

fn runner(world: &World) -> Projections<MemoryReadModels> {
    Projections::new(world.store.clone(), Arc::new(world.models.clone()))
        .with(DocumentProjection(world.sums.clone()))
        .options(brisk(ProjectionOptions::default()))
}

/// Runners come, are killed in the middle of whatever they do, and leave their leases behind.
#[tokio::test(start_paused = true)]
async fn nothing_is_missed_or_doubled_while_runners_are_killed_and_added() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let clock = Arc::new(ManualClock::default());
    let world = world(&clock);
    let mut runners = tokio::task::JoinSet::new();
    for round in 0..60 {
        while runners.len() < 3 {
            let runner = runner(&world);
            runners.spawn(runner.run(std::future::pending()));
        }
        let ids: Vec<String> = (0..20).map(|_| random.random_range(0..30).to_string()).collect();
        append(&*world.store, &ids.iter().map(|id| (id.as_str(), 1)).collect::<Vec<_>>()).await;
        for _ in 0..random.random_range(0..200) {
            super::pass().await;
        }
        if round % 3 == 0 {
            // All of them: which one has what is up to chance.
            runners.abort_all();
            while runners.join_next().await.is_some() {}
            clock.advance(TimeDelta::seconds(random.random_range(1..7)));
        }
    }
    runners.abort_all();
    while runners.join_next().await.is_some() {}
    clock.advance(TimeDelta::seconds(10));
    world.during(world.caught_up()).await.1.unwrap();
    world.assert_is_the_fold().await;
    assert_eq!(world.states().await, [(1, GenerationState::Serving)]);
}

/// A check that stays green while nobody works would be worse than none.
#[tokio::test(start_paused = true)]
async fn status_notices_that_a_runner_is_dead() {
    let clock = Arc::new(ManualClock::default());
    let world = world(&clock);
    append(&*world.store, &[("a", 1)]).await;
    let mut runners = tokio::task::JoinSet::new();
    let running = runner(&world);
    runners.spawn(running.run(std::future::pending()));
    world.caught_up().await;
    let status = runner(&world).status().await.unwrap();
    assert_eq!(status[0].state, ProjectionState::Live);
    assert!(status[0].is_healthy(1.0));
    runners.abort_all();
    while runners.join_next().await.is_some() {}
    clock.advance(TimeDelta::seconds(6));
    let status = runner(&world).status().await.unwrap();
    assert_eq!(status[0].state, ProjectionState::Stopped);
    assert!(!status[0].is_healthy(1.0));
}

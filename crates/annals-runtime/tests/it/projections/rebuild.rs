//! Building anew while the old serves.

use std::sync::atomic::Ordering;

use annals_core::{GenerationState, Generations, ReadModelsError};

use super::sums::{Sum, append, sums_in};
use super::{World, key};

/// Waits until a generation has this state.
async fn until(world: &World, number: u32, state: GenerationState) {
    while !world.states().await.contains(&(number, state)) {
        super::pass().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rebuild_switches_when_it_holds_the_same_and_can_be_rolled_back() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2)]).await;
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            let begun = world.projections().rebuild("sums").await.unwrap();
            assert_eq!(begun.key, key(2));
            until(&world, 2, GenerationState::Serving).await;
            let states = [(1, GenerationState::Retained), (2, GenerationState::Serving)];
            assert_eq!(world.states().await, states);
            // Both are kept up to date.
            append(&*world.store, &[("a", 4)]).await;
            world.caught_up().await;
            world.assert_is_the_fold().await;

            world.projections().rollback("sums").await.unwrap();
            world.assert_is_the_fold().await;
            let states = [(1, GenerationState::Serving), (2, GenerationState::Retained)];
            assert_eq!(world.states().await, states);
            let refused = world.projections().retire(&key(1)).await.unwrap_err();
            assert!(matches!(refused, ReadModelsError::Refused { .. }), "{refused:?}");
            world.projections().retire(&key(2)).await.unwrap();
            append(&*world.store, &[("b", 8)]).await;
            world.caught_up().await;
        })
        .await;
    ended.unwrap();
    world.assert_is_the_fold().await;
    assert_eq!(world.states().await, [(1, GenerationState::Serving)]);
}

#[tokio::test(start_paused = true)]
async fn rebuild_that_differs_is_held_and_names_what_differs() {
    let world = World::new();
    append(&*world.store, &[("a", 1)]).await;
    let ((), ended) = world
        .during(async {
            world.caught_up().await;
            // As if the code had been mended since the serving generation was built.
            world.sums.mistake.store(100, Ordering::Relaxed);
            world.projections().rebuild("sums").await.unwrap();
            until(&world, 2, GenerationState::Held).await;
            let generations = world.models.generations().await.unwrap();
            let comparison = generations[1].comparison.as_ref().unwrap();
            assert!(!comparison.is_equal());
            assert!(comparison.tables[0].differing_keys.iter().any(|key| key.contains('a')));
            assert_eq!(sums_in(&world.models).await["a"], Sum { sum: 1, count: 1 });
            // Somebody has looked, and wants it.
            world.projections().switch(&key(2)).await.unwrap();
            assert_eq!(sums_in(&world.models).await["a"], Sum { sum: 101, count: 1 });
        })
        .await;
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rebuild_survives_a_restart() {
    let world = World::new();
    append(&*world.store, &[("a", 1), ("b", 2)]).await;
    world.during(world.caught_up()).await.1.unwrap();
    // Ordered while nobody runs: done as soon as somebody does.
    world.projections().rebuild("sums").await.unwrap();
    let again = world.projections().rebuild("sums").await.unwrap_err();
    assert!(matches!(again, ReadModelsError::Refused { .. }), "{again:?}");
    world.during(until(&world, 2, GenerationState::Serving)).await.1.unwrap();
    world.assert_is_the_fold().await;
}

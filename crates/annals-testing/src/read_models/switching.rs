//! Which generation serves, while all of them move on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_core::{BoxFuture, GenerationKey, GenerationState, IfBehind};

use super::comparing::comparison;
use super::generations::states;
use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    NAME, PARTITIONS, SampleLog, Scene, Worked, create, is_moved, is_not_found, pos, serve,
};
use crate::conformance::race;

/// One generation serves at a time: the one that did is retained, and can be gone back to.
///
/// # Panics
///
/// If the promise is broken.
pub async fn switch_retains_the_one_that_served(harness: &dyn ReadModelHarness) {
    use GenerationState::{Building, Retained, Serving};
    let scene = Scene::new(harness).await;
    let models = &*scene.models;
    let first = create(models).await;
    assert_eq!(states(models).await, [(1, Building)]);
    serve(models, &first).await;
    assert_eq!(states(models).await, [(1, Serving)]);
    let second = create(models).await;
    assert_eq!(states(models).await, [(1, Serving), (2, Building)]);
    serve(models, &second).await;
    assert_eq!(states(models).await, [(1, Retained), (2, Serving)]);
    let third = create(models).await;
    let held = models.keep_comparison(&third, comparison(false)).await;
    held.expect("it is being built");
    models.switch(&third, IfBehind::Refuse).await.expect("somebody decided to switch all the same");
    assert_eq!(states(models).await, [(1, Retained), (2, Retained), (3, Serving)]);
    models.switch(&first, IfBehind::Refuse).await.expect("it is not behind");
    assert_eq!(states(models).await, [(1, Serving), (2, Retained), (3, Retained)]);
    let serving = models.serving(NAME).await.expect("a healthy database answers");
    assert_eq!(serving.map(|serving| serving.key), Some(first.clone()));
    let unknown = GenerationKey { number: 9, ..first };
    assert!(is_not_found(&models.switch(&unknown, IfBehind::Refuse).await));
}

/// A generation that is behind the one that serves, be it in one partition, is not switched to,
/// unless that is said.
///
/// # Panics
///
/// If the promise is broken.
pub async fn switch_does_not_go_back(harness: &dyn ReadModelHarness) {
    let (mut scene, mut first) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "c", "d", "e"]);
    first.apply(&*scene.models, &scene.log, 3).await;
    let second = create(&*scene.models).await;
    let mut second = Worked::new(&*scene.models, &second).await;
    let expect_behind = async |second: &Worked| {
        let refused = scene.models.switch(second.key(), IfBehind::Refuse).await;
        assert!(is_moved(&refused), "{refused:?} for one that is behind");
        let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
        let serving = serving.expect("a generation serves");
        assert_eq!((&serving.key, serving.position), (first.key(), pos(3)));
    };
    expect_behind(&second).await;
    let last = usize::from(PARTITIONS) - 1;
    for (to, count) in [(2, last + 1), (5, last)] {
        let mut some = second.clone();
        some.leases.truncate(count);
        some.apply(&*scene.models, &scene.log, to).await;
        for (lease, moved) in second.leases.iter_mut().zip(some.leases) {
            *lease = moved;
        }
        expect_behind(&second).await;
    }
    let mut rest = second.clone();
    rest.leases.drain(..last);
    rest.apply(&*scene.models, &scene.log, 3).await;
    scene.models.switch(second.key(), IfBehind::Refuse).await.expect("it has caught up");
    let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
    let serving = serving.expect("a generation serves");
    assert_eq!((&serving.key, serving.position), (second.key(), pos(3)), "the lowest partition");
    // Where the log does not know what the serving one has seen, its position means nothing.
    let third = create(&*scene.models).await;
    scene.models.switch(&third, IfBehind::Switch).await.expect("it may go back");
    let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
    let serving = serving.expect("a generation serves");
    assert_eq!((&serving.key, serving.position), (&third, pos(0)));
}

/// While generations advance and are switched between, nobody who looks ever sees the position of
/// the one that serves go back, or none serve.
///
/// # Panics
///
/// If the promise is broken.
pub async fn serving_position_never_goes_back(harness: &dyn ReadModelHarness) {
    const ROUNDS: u64 = 40;
    let (mut scene, mut ahead) = Scene::serving(harness).await;
    let behind = create(&*scene.models).await;
    let mut behind = Worked::new(&*scene.models, &behind).await;
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(scene.database.open().await);
    }
    let seen = Arc::new(AtomicU64::new(0));
    for to in 1..=ROUNDS {
        scene.log.add(&format!("{}", to % 7), 1);
        // The one that serves moves on just when the other one is to serve.
        let mut tasks: Vec<BoxFuture<'static, ()>> = Vec::new();
        for (task, models) in handles.iter().enumerate() {
            let (models, seen) = (Arc::clone(models), Arc::clone(&seen));
            let (mut ahead, behind, log) = (ahead.clone(), behind.clone(), scene.log.clone());
            tasks.push(Box::pin(async move {
                match task {
                    0 => ahead.apply(&*models, &log, to).await,
                    1 => {
                        let outcome = models.switch(behind.key(), IfBehind::Refuse).await;
                        assert!(outcome.is_ok() || is_moved(&outcome), "{outcome:?}");
                    }
                    _ => look(&*models, &seen).await,
                }
                look(&*models, &seen).await;
            }));
        }
        race(tasks).await;
        ahead.moved(&scene.log, to);
        behind.apply(&*scene.models, &scene.log, to).await;
        look(&*scene.models, &seen).await;
        let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
        if serving.is_some_and(|serving| serving.key == *behind.key()) {
            std::mem::swap(&mut ahead, &mut behind);
        }
    }
    assert_eq!(scene.sums().await, scene.log.fold(1..=ROUNDS));
}

/// Whoever looks now must see at least what was seen before.
async fn look(models: &dyn ReadModelsUnderTest, seen: &AtomicU64) {
    let before = seen.load(Ordering::SeqCst);
    let serving = models.serving(NAME).await.expect("a healthy database answers");
    let position = serving.expect("a generation serves at any time").position.get();
    assert!(position >= before, "went back from {before} to {position}");
    seen.fetch_max(position, Ordering::SeqCst);
}

/// Of several that switch at the same time each has its way or is told, and one generation serves.
///
/// # Panics
///
/// If the promise is broken.
pub async fn racing_switches_leave_one_serving(harness: &dyn ReadModelHarness) {
    const GENERATIONS: u32 = 4;
    let scene = Scene::new(harness).await;
    let mut keys = Vec::new();
    for _ in 0..GENERATIONS {
        let key = create(&*scene.models).await;
        serve(&*scene.models, &key).await;
        keys.push(key);
    }
    for _ in 0..6 {
        let mut racers = Vec::new();
        for key in &keys {
            let (models, key) = (scene.database.open().await, key.clone());
            racers.push(async move { models.switch(&key, IfBehind::Refuse).await });
        }
        for outcome in race(racers).await {
            assert!(outcome.is_ok() || is_moved(&outcome), "{outcome:?}");
        }
        let states = states(&*scene.models).await;
        let is_serving = |(_, state): &&(u32, _)| *state == GenerationState::Serving;
        assert_eq!(states.iter().filter(is_serving).count(), 1, "{states:?}");
    }
}

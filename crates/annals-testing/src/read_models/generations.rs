//! Which builds there are.

use std::sync::Arc;

use annals_core::{DocumentProjection, GenerationKey, GenerationState, IfBehind};

use super::comparing::comparison;
use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    NAME, SampleLog, Scene, Worked, create, fours, is_not_found, is_refused, new_generation, pos,
    serve, try_create,
};
use super::sums::Sums;
use crate::conformance::race;

pub(super) async fn states(models: &dyn ReadModelsUnderTest) -> Vec<(u32, GenerationState)> {
    let generations = models.generations().await.expect("generations are listed");
    let states = generations.into_iter();
    states.map(|generation| (generation.key.number, generation.state)).collect()
}

/// A generation tells what it was made with; all of them are listed by projection and number.
///
/// # Panics
///
/// If the promise is broken.
pub async fn generation_tells_what_it_is(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    let models = &*scene.models;
    assert_eq!(models.generations().await.expect("generations are listed"), []);
    let serving = models.serving(NAME).await.expect("a healthy database answers");
    assert_eq!(serving, None, "nothing serves yet");
    let new = new_generation();
    let created: [_; 3] = [
        models.create(Arc::new(DocumentProjection(Sums::<5>)), new.clone()).await,
        models.create(Arc::new(DocumentProjection(Sums::<16>)), new.clone()).await,
        models.create(Arc::new(DocumentProjection(Sums::<4, 2>)), new.clone()).await,
    ];
    let [five, sixteen, four] =
        created.map(|created| created.expect("a healthy database begins a generation"));
    for (generation, name, version, partitions) in
        [(&five, "sums_5", 1, 5), (&sixteen, "sums_16", 1, 16), (&four, NAME, 2, 4)]
    {
        let key = GenerationKey { projection: name.to_owned(), number: 1 };
        assert_eq!((&generation.key, generation.version), (&key, version));
        assert_eq!((generation.partitions, generation.log_id), (partitions, new.log_id));
        assert_eq!((generation.state, &generation.comparison), (GenerationState::Building, &None));
        let status = models.status(&key).await.expect("the status is told");
        assert_eq!(status.generation, *generation);
        assert_eq!(status.partitions.len(), usize::from(partitions));
        let is_untouched = status.partitions.iter().all(|here| {
            here.checkpoint == annals_core::Checkpoint::START
                && (here.applied, here.dead_letters, here.queued) == (0, 0, 0)
                && here.moved_at.is_none()
                && here.worker.is_none()
        });
        assert!(is_untouched, "{status:?}");
    }
    let other = scene.database.open().await;
    let listed = other.generations().await.expect("generations are listed");
    assert_eq!(listed, [sixteen, four.clone(), five]);

    models
        .switch(&four.key, IfBehind::Refuse)
        .await
        .expect("nothing serves that it could be behind");
    let serving = other.serving(NAME).await.expect("a healthy database answers");
    let serving = serving.expect("it was switched to");
    assert_eq!((serving.key, serving.version), (four.key, 2));
    assert_eq!((serving.log_id, serving.position), (new.log_id, pos(0)));
    let serving = other.serving("sums_5").await.expect("a healthy database answers");
    assert_eq!(serving, None, "another projection serves");
}

/// A number is never given twice, whatever was retired.
///
/// # Panics
///
/// If the promise is broken.
pub async fn numbers_are_never_given_twice(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    for number in 1..=3 {
        let key = create(&*scene.models).await;
        assert_eq!(key.number, number);
        scene.models.retire(&key).await.expect("one that does not serve can be retired");
    }
    let models = scene.database.open().await;
    let key = create(&*models).await;
    assert_eq!(key.number, 4, "after reopening");
    serve(&*models, &key).await;
    let next = create(&*models).await;
    assert_eq!(next.number, 5);
    models.retire(&next).await.expect("one that does not serve can be retired");
    assert_eq!(create(&*models).await.number, 6);
}

/// While a generation is being built or held no other is begun, and of several that begin one at
/// the same time one succeeds; other projections do not matter.
///
/// # Panics
///
/// If the promise is broken.
pub async fn one_generation_is_built_at_a_time(harness: &dyn ReadModelHarness) {
    const RACERS: usize = 5;
    let scene = Scene::new(harness).await;
    for round in 0..4 {
        let mut racers = Vec::new();
        for _ in 0..RACERS {
            let models = scene.database.open().await;
            racers.push(async move { try_create(&*models).await });
        }
        let mut begun = Vec::new();
        for outcome in race(racers).await {
            match outcome {
                Ok(generation) => begun.push(generation.key),
                refused => assert!(is_refused(&refused), "{refused:?}"),
            }
        }
        let [key] = begun.as_slice() else { panic!("{begun:?} are being built at a time") };
        assert!(is_refused(&try_create(&*scene.models).await), "one is being built");
        if round % 2 == 0 {
            serve(&*scene.models, key).await;
            continue;
        }
        let held = scene.models.keep_comparison(key, comparison(false)).await;
        held.expect("it is being built");
        assert!(is_refused(&try_create(&*scene.models).await), "one is held");
        let other = Arc::new(DocumentProjection(Sums::<1>));
        let other = scene.models.create(other, new_generation()).await;
        let other = other.expect("another projection has nothing to do with it");
        scene.models.retire(&other.key).await.expect("it does not serve");
        scene.models.retire(key).await.expect("it does not serve");
    }
}

/// What serves is not retired; everything else is, with its tables.
///
/// # Panics
///
/// If the promise is broken.
pub async fn retire_removes_all_but_what_serves(harness: &dyn ReadModelHarness) {
    let (mut scene, mut first) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b"]);
    first.apply(&*scene.models, &scene.log, 2).await;
    let refused = scene.models.retire(first.key()).await;
    assert!(is_refused(&refused), "{refused:?} for the one that serves");
    assert_eq!(scene.sums().await, scene.log.fold(1..=2));

    let second = create(&*scene.models).await;
    let mut worked = Worked::new(&*scene.models, &second).await;
    worked.apply(&*scene.models, &scene.log, 2).await;
    serve(&*scene.models, &second).await;
    scene.models.retire(first.key()).await.expect("it does not serve any more");
    assert_eq!(states(&*scene.models).await, [(2, GenerationState::Serving)]);
    let again = scene.models.retire(first.key()).await;
    assert!(is_not_found(&again), "{again:?} for one that is gone");
    assert!(is_not_found(&scene.models.status(first.key()).await));
    assert!(is_not_found(&scene.models.switch(first.key(), IfBehind::Refuse).await));
    assert_eq!(scene.sums().await, scene.log.fold(1..=2), "what serves was touched");
}

/// A generation remembers the log it is built from, be it another one than that of the others.
///
/// # Panics
///
/// If the promise is broken.
pub async fn generation_remembers_its_log(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    let mut logs = Vec::new();
    for _ in 0..2 {
        let new = new_generation();
        let log_id = new.log_id;
        let created = scene.models.create(fours(), new).await;
        let created = created.expect("a healthy database begins a generation");
        assert_eq!(created.log_id, log_id);
        serve(&*scene.models, &created.key).await;
        let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
        assert_eq!(serving.map(|serving| serving.log_id), Some(log_id));
        logs.push(log_id);
    }
    let models = scene.database.open().await;
    let listed = models.generations().await.expect("generations are listed");
    let listed: Vec<_> = listed.into_iter().map(|generation| generation.log_id).collect();
    assert_eq!(listed, logs);
}

//! Which builds there are, and which serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_core::{
    BoxFuture, Comparison, DocumentProjection, GenerationKey, GenerationState, NewGeneration,
    ReadModelsError, TableComparison,
};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    NAME, PARTITIONS, SampleLog, Scene, Worked, create, is_not_found, new_generation, pos, serve,
    try_create,
};
use super::sums::{SumEvent, Sums};
use crate::conformance::race;

async fn states(models: &dyn ReadModelsUnderTest) -> Vec<(u32, GenerationState)> {
    let generations = models.generations().await.expect("generations are listed");
    let states = generations.into_iter();
    states.map(|generation| (generation.key.number, generation.state)).collect()
}

fn is_refused<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::Refused { .. }))
}

fn is_moved<T>(outcome: &Result<T, ReadModelsError>) -> bool {
    matches!(outcome, Err(ReadModelsError::Moved { .. }))
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

    models.switch(&four.key).await.expect("nothing serves that it could be behind");
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

/// While a generation is being built or held no other is begun, and of several that begin one at the
/// same time one succeeds; other projections do not matter.
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
    models.switch(&third).await.expect("somebody decided to switch all the same");
    assert_eq!(states(models).await, [(1, Retained), (2, Retained), (3, Serving)]);
    models.switch(&first).await.expect("it is not behind");
    assert_eq!(states(models).await, [(1, Serving), (2, Retained), (3, Retained)]);
    let serving = models.serving(NAME).await.expect("a healthy database answers");
    assert_eq!(serving.map(|serving| serving.key), Some(first.clone()));
    let unknown = GenerationKey { number: 9, ..first };
    assert!(is_not_found(&models.switch(&unknown).await));
}

/// A generation that is behind the one that serves, be it in one partition, is not switched to.
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
        let refused = scene.models.switch(second.key()).await;
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
    scene.models.switch(second.key()).await.expect("it has caught up");
    let serving = scene.models.serving(NAME).await.expect("a healthy database answers");
    let serving = serving.expect("a generation serves");
    assert_eq!((&serving.key, serving.position), (second.key(), pos(3)), "the lowest partition");
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
                        let outcome = models.switch(behind.key()).await;
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
            racers.push(async move { models.switch(&key).await });
        }
        for outcome in race(racers).await {
            assert!(outcome.is_ok() || is_moved(&outcome), "{outcome:?}");
        }
        let states = states(&*scene.models).await;
        let is_serving = |(_, state): &&(u32, _)| *state == GenerationState::Serving;
        assert_eq!(states.iter().filter(is_serving).count(), 1, "{states:?}");
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
    assert!(is_not_found(&scene.models.switch(first.key()).await));
    assert_eq!(scene.sums().await, scene.log.fold(1..=2), "what serves was touched");
}

fn comparison(is_equal: bool) -> Comparison {
    let digest = |is_other| if is_other && !is_equal { "b" } else { "a" }.to_owned();
    let table = TableComparison {
        table: "sums".to_owned(),
        rows: (3, 3),
        digests: (digest(false), digest(true)),
        differing_keys: if is_equal { Vec::new() } else { vec!["o'k".to_owned()] },
    };
    Comparison { position: pos(7), tables: vec![table] }
}

/// What came out of a comparison is kept, and a generation that differs is held.
///
/// # Panics
///
/// If the promise is broken.
pub async fn differing_generation_is_held(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    let key = create(&*scene.models).await;
    for (is_equal, state) in [(true, GenerationState::Building), (false, GenerationState::Held)] {
        let kept = scene.models.keep_comparison(&key, comparison(is_equal)).await;
        kept.expect("it is being built");
        let models = scene.database.open().await;
        let status = models.status(&key).await.expect("the status is told");
        assert_eq!(status.generation.state, state);
        assert_eq!(status.generation.comparison, Some(comparison(is_equal)));
    }
    let late = scene.models.keep_comparison(&key, comparison(true)).await;
    assert!(is_moved(&late), "{late:?} for one that is held");
    serve(&*scene.models, &key).await;
    let late = scene.models.keep_comparison(&key, comparison(false)).await;
    assert!(is_moved(&late), "{late:?} for one that serves");
    assert_eq!(states(&*scene.models).await, [(1, GenerationState::Serving)]);
}

/// Generations at the same position are compared row by row, and the keys that differ are named;
/// those at different positions are not compared.
///
/// # Panics
///
/// If the promise is broken.
pub async fn comparison_finds_every_difference(harness: &dyn ReadModelHarness) {
    let (mut scene, mut first) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["same", "changed", "gone", "same"]);
    first.apply(&*scene.models, &scene.log, 4).await;
    let second = create(&*scene.models).await;
    let mut second = Worked::new(&*scene.models, &second).await;
    let compare = async |second: &Worked| {
        let compared = scene.models.compare(first.key(), second.key()).await;
        compared.expect("documents have keys")
    };
    assert_eq!(compare(&second).await, None, "they are at different positions");
    let mut some = second.clone();
    some.leases.truncate(2);
    some.apply(&*scene.models, &scene.log, 4).await;
    assert_eq!(compare(&second).await, None, "some partitions are at different positions");
    for (lease, moved) in second.leases.iter_mut().zip(some.leases) {
        *lease = moved;
    }
    let mut rest = second.clone();
    rest.leases.drain(..2);
    rest.apply(&*scene.models, &scene.log, 4).await;
    second.moved(&scene.log, 4);
    let compared = compare(&second).await.expect("they are at the same position");
    assert_eq!(compared.position, pos(4));
    assert!(compared.is_equal(), "{compared:?}");
    assert!(compared.tables.iter().any(|table| table.rows == (3, 3)), "{compared:?}");
    let named: Vec<_> = compared.tables.iter().flat_map(|table| &table.differing_keys).collect();
    assert!(named.is_empty(), "{named:?} differ");

    // The same stretch of the log, told differently to each.
    let tell = |events: [(&str, SumEvent); 4]| {
        let mut log = scene.log.clone();
        for (id, event) in events {
            log.push(id, event);
        }
        log
    };
    let add = |amount| SumEvent::Added { amount };
    let told = tell([
        ("same", add(1)),
        ("changed", add(1)),
        ("gone", add(1)),
        ("onesided", SumEvent::Removed),
    ]);
    first.apply(&*scene.models, &told, 8).await;
    let told = tell([
        ("same", add(1)),
        ("changed", add(2)),
        ("gone", SumEvent::Removed),
        ("onesided", add(1)),
    ]);
    second.apply(&*scene.models, &told, 8).await;
    let compared = scene.models.compare(first.key(), second.key()).await;
    let compared = compared.expect("documents have keys").expect("both are at the same position");
    assert!(!compared.is_equal(), "{compared:?}");
    let table = compared.tables.iter().find(|table| !table.is_equal()).expect("one differs");
    assert_eq!(table.rows, (3, 3), "{table:?}");
    for (key, differs) in [("same", false), ("changed", true), ("gone", true), ("onesided", true)] {
        let named = table.differing_keys.iter().any(|named| named.contains(key));
        assert_eq!(named, differs, "{key}: {table:?}");
    }
    let unknown = GenerationKey { number: 9, ..first.key().clone() };
    assert!(is_not_found(&scene.models.compare(first.key(), &unknown).await));
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
        let NewGeneration { log_id } = new_generation();
        let new = NewGeneration { log_id };
        let created = scene.models.create(super::sample::fours(), new).await;
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

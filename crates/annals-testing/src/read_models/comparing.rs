//! How generations differ, and what becomes of those that do.

use annals_core::{Comparison, GenerationKey, GenerationState, TableComparison};

use super::generations::states;
use super::harness::ReadModelHarness;
use super::sample::{SampleLog, Scene, Worked, create, is_moved, is_not_found, pos, serve};
use super::sums::SumEvent;

/// What could come out of a comparison.
pub(super) fn comparison(is_equal: bool) -> Comparison {
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

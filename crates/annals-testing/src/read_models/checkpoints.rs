//! The checkpoints of readers that have no better place for them.

use annals_core::{Checkpoint, ReadModelsError};

use super::harness::ReadModelHarness;
use super::sample::{SampleLog, Scene};
use crate::conformance::race;

/// A checkpoint is kept by the name of its reader, for whoever opens the database next.
///
/// # Panics
///
/// If the promise is broken.
pub async fn checkpoint_is_kept_by_name(harness: &dyn ReadModelHarness) {
    let mut scene = Scene::new(harness).await;
    scene.log = SampleLog::of(&["a", "b", "c"]);
    let names = ["relay", "Relay", "relay 'x'", "\u{e9}"];
    for (to, name) in (0..).zip(names) {
        let load = scene.models.load_checkpoint(name).await;
        assert_eq!(load.expect("a healthy database answers"), Checkpoint::START, "{name}");
        let mut from = Checkpoint::START;
        for position in 1..=to {
            let to = scene.log.checkpoint(position);
            let saved = scene.models.save_checkpoint(name, from, to).await;
            saved.expect("nobody else goes by that name");
            from = to;
        }
    }
    let models = scene.database.open().await;
    for (to, name) in (0..).zip(names) {
        let load = models.load_checkpoint(name).await;
        assert_eq!(load.expect("a healthy database answers"), scene.log.checkpoint(to), "{name}");
    }
}

/// A checkpoint is replaced only by whoever knows it; of several that replace the same, one
/// succeeds.
///
/// # Panics
///
/// If the promise is broken.
pub async fn checkpoint_is_replaced_once(harness: &dyn ReadModelHarness) {
    const RACERS: usize = 6;
    let mut scene = Scene::new(harness).await;
    scene.log = SampleLog::of(&["a", "a", "a", "a"]);
    for position in 0..4 {
        let (from, to) = (scene.log.checkpoint(position), scene.log.checkpoint(position + 1));
        let mut racers = Vec::new();
        for _ in 0..RACERS {
            let models = scene.database.open().await;
            racers.push(async move { models.save_checkpoint("relay", from, to).await });
        }
        let outcomes = race(racers).await;
        let saved = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(saved, 1, "{outcomes:?}");
        let is_moved =
            |outcome: &&Result<_, _>| matches!(outcome, Err(ReadModelsError::Moved { .. }));
        assert_eq!(outcomes.iter().filter(is_moved).count(), RACERS - 1, "{outcomes:?}");

        let other = SampleLog::of(&["a", "a", "a", "a"]).checkpoint(position + 1);
        for wrong in [other, Checkpoint::START, from] {
            let refused = scene.models.save_checkpoint("relay", wrong, to).await;
            assert!(matches!(refused, Err(ReadModelsError::Moved { .. })), "{refused:?}");
        }
        let kept = scene.models.load_checkpoint("relay").await;
        assert_eq!(kept.expect("a healthy database answers"), to);
    }
}

//! Rows and checkpoint: together or not at all, by whoever has the right to.

use std::sync::Arc;

use annals_core::{GenerationStatus, Lease, Partition, WorkerId};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    LONG, PARTITIONS, SampleLog, Scene, Worked, apply, claim, create, id_in, is_fenced,
    is_rejected, pos, serve,
};
use super::sums::SumEvent;
use crate::conformance::race;

async fn status(models: &dyn ReadModelsUnderTest, worked: &Worked) -> GenerationStatus {
    models.status(worked.key()).await.expect("a healthy database tells the status")
}

/// What is applied is there, with the checkpoint and the counts, each event once and in order; an
/// advance without changes moves the checkpoint as well.
///
/// # Panics
///
/// If the promise is broken.
pub async fn rows_and_checkpoint_move_together(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "a", "c", "a", "d", "b"]);
    scene.log.push("c", SumEvent::Removed);
    scene.log.push("a", SumEvent::Added { amount: -5 });
    for to in [1, 4, 9] {
        worked.apply(&*scene.models, &scene.log, to).await;
        assert_eq!(scene.sums().await, scene.log.fold(1..=to), "after position {to}");
        let status = status(&*scene.models, &worked).await;
        let applied: u64 = status.partitions.iter().map(|partition| partition.applied).sum();
        assert_eq!(applied, to, "events applied");
        for partition in &status.partitions {
            assert_eq!(partition.checkpoint, scene.log.checkpoint(to));
            assert!(partition.moved_at.is_some(), "nobody says when the checkpoint moved");
        }
    }

    scene.log.add("z", 1);
    let (_, advance) = scene.log.advance_among(&worked.leases, 10, |_| false);
    apply(&*scene.models, Arc::default(), advance).await.expect("there is nothing to reject");
    let after = status(&*scene.models, &worked).await;
    assert!(after.partitions.iter().all(|partition| partition.checkpoint.position == pos(10)));
    assert_eq!(scene.sums().await, scene.log.fold(1..=9), "nothing was to be changed");
}

/// Changes that cannot be made are rejected as a whole: no row, no checkpoint, no count.
///
/// # Panics
///
/// If the promise is broken.
pub async fn rejected_changes_leave_no_trace(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "c"]);
    worked.apply(&*scene.models, &scene.log, 3).await;
    let before = status(&*scene.models, &worked).await;

    scene.log.add("a", 10);
    scene.log.add("new", 10);
    scene.log.push("b", SumEvent::Spoilt);
    scene.log.add("c", 10);
    let (changes, advance) = scene.log.advance(&worked.leases, 7);
    for _ in 0..2 {
        let outcome = apply(&*scene.models, Arc::clone(&changes), advance.clone()).await;
        assert!(is_rejected(&outcome), "{outcome:?} for an event that makes no sense");
        assert_eq!(scene.sums().await, scene.log.fold(1..=3));
        assert_eq!(stands(&status(&*scene.models, &worked).await), stands(&before));
    }
    worked.apply(&*scene.models, &scene.log, 5).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=5), "the good ones among them");
}

/// A panic of the projection's code is a rejection: it leaves no trace either, and the database
/// goes on.
///
/// # Panics
///
/// If the promise is broken.
pub async fn panic_of_the_projection_is_a_rejection(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b"]);
    scene.log.push("a", SumEvent::Panicking);
    let before = status(&*scene.models, &worked).await;
    for _ in 0..2 {
        let (changes, advance) = scene.log.advance(&worked.leases, 3);
        let outcome = apply(&*scene.models, changes, advance).await;
        assert!(is_rejected(&outcome), "{outcome:?} for an event that makes the code panic");
        assert!(scene.sums().await.is_empty(), "half of the changes were made");
        assert_eq!(stands(&status(&*scene.models, &worked).await), stands(&before));
    }
    worked.apply(&*scene.models, &scene.log, 2).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=2));
}

/// How far everything is.
fn stands(status: &GenerationStatus) -> Vec<(u64, u64)> {
    let partitions = status.partitions.iter();
    partitions.map(|here| (here.checkpoint.position.get(), here.applied)).collect()
}

/// An advance from another checkpoint than the partition's, or with another fencing token, changes
/// nothing: not the rows, and not the other partitions it would have moved either.
///
/// # Panics
///
/// If the promise is broken.
pub async fn stale_advance_changes_nothing(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    let old = worked.clone();
    scene.log = SampleLog::of(&["a", "b", "c", "d", "e", "f", "a", "b"]);
    worked.apply(&*scene.models, &scene.log, 3).await;
    let before = status(&*scene.models, &worked).await;

    type Spoil = fn(&mut Lease, &Lease);
    let spoils: [(&str, Spoil); 3] = [
        ("an old checkpoint", |lease, old| lease.checkpoint = old.checkpoint),
        ("an old token", |lease, _| lease.fencing_token -= 1),
        ("a token nobody was given", |lease, _| lease.fencing_token += 1),
    ];
    for (what, spoil) in spoils {
        for place in 0..worked.leases.len() {
            let mut leases = worked.leases.clone();
            if let Some((lease, old)) = leases.get_mut(place).zip(old.leases.get(place)) {
                spoil(lease, old);
            }
            let (changes, advance) = scene.log.advance(&leases, 8);
            let outcome = apply(&*scene.models, changes, advance).await;
            assert!(is_fenced(&outcome), "{outcome:?} with {what}");
            assert_eq!(scene.sums().await, scene.log.fold(1..=3), "{what} changed rows");
            assert_eq!(stands(&status(&*scene.models, &worked).await), stands(&before), "{what}");
        }
    }
    worked.apply(&*scene.models, &scene.log, 8).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=8));
}

/// Partitions with different checkpoints end at the same place, and each gets what it lacked.
///
/// # Panics
///
/// If the promise is broken.
pub async fn partitions_of_one_advance_end_at_the_same_place(harness: &dyn ReadModelHarness) {
    let (mut scene, worked) = Scene::serving(harness).await;
    for round in 0..5 {
        for partition in 0..PARTITIONS {
            scene.log.add(&id_in(partition), round);
        }
    }
    let mut leases = worked.leases.clone();
    for (lease, to) in leases.iter_mut().zip([3, 11, 0, 7]) {
        let (changes, advance) = scene.log.advance(std::slice::from_ref(lease), to);
        apply(&*scene.models, changes, advance).await.expect("one partition moves by itself");
        lease.checkpoint = scene.log.checkpoint(to);
    }
    let status_before = status(&*scene.models, &worked).await;
    let positions: Vec<_> =
        stands(&status_before).into_iter().map(|(position, _)| position).collect();
    assert_eq!(positions, [3, 11, 0, 7], "partitions move one by one");

    let to = scene.log.head();
    let (changes, advance) = scene.log.advance(&leases, to);
    apply(&*scene.models, changes, advance).await.expect("all partitions move at once");
    assert_eq!(stands(&status(&*scene.models, &worked).await), [(to, 5); 4]);
    assert_eq!(scene.sums().await, scene.log.fold(1..=to));
}

/// Whoever does not know whether an advance was written repeats it, and it is written once: in
/// turn, and when several try at the same time.
///
/// # Panics
///
/// If the promise is broken.
pub async fn repeated_advance_is_written_once(harness: &dyn ReadModelHarness) {
    const RACERS: usize = 6;
    let (mut scene, mut worked) = Scene::serving(harness).await;
    for round in 0..4 {
        for id in ["a", "b", "c"] {
            scene.log.add(id, round + 1);
        }
        let to = scene.log.head();
        let (changes, advance) = scene.log.advance(&worked.leases, to);
        let mut racers = Vec::new();
        for _ in 0..RACERS {
            let (changes, advance) = (Arc::clone(&changes), advance.clone());
            let models = scene.database.open().await;
            racers.push(async move { apply(&*models, changes, advance).await });
        }
        let outcomes = race(racers).await;
        let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(written, 1, "{outcomes:?}");
        let absorbed = outcomes.iter().filter(|outcome| is_fenced(outcome)).count();
        assert_eq!(absorbed, RACERS - 1, "{outcomes:?}");
        let outcome = apply(&*scene.models, changes, advance).await;
        assert!(is_fenced(&outcome), "{outcome:?} for a repeat");
        worked.moved(&scene.log, to);
        assert_eq!(scene.sums().await, scene.log.fold(1..=to));
        let status = status(&*scene.models, &worked).await;
        let applied: u64 = status.partitions.iter().map(|partition| partition.applied).sum();
        assert_eq!(applied, to);
    }
}

/// A worker that was paused until its leases were over, and taken over, writes nothing more.
///
/// # Panics
///
/// If the promise is broken.
pub async fn former_owner_cannot_write(harness: &dyn ReadModelHarness) {
    let (mut scene, paused) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "c", "d"]);
    scene.database.pass(LONG).await;
    let other = scene.database.open().await;
    let mut successor = Worked::new(&*other, paused.key()).await;
    assert_eq!(successor.leases.len(), usize::from(PARTITIONS), "nothing was taken over");

    let (changes, advance) = scene.log.advance(&paused.leases, 4);
    let outcome = apply(&*scene.models, changes, advance).await;
    assert!(is_fenced(&outcome), "{outcome:?} for a former owner");
    assert!(scene.sums().await.is_empty(), "a former owner changed rows");
    successor.apply(&*other, &scene.log, 4).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=4));

    // The former owner is told anew what it has: nothing, as long as there is nothing to share.
    let worker = WorkerId::new();
    assert_eq!(claim(&*scene.models, paused.key(), worker).await, [], "the leases are taken");
}

/// What was acknowledged is there for whoever opens the database next.
///
/// # Panics
///
/// If the promise is broken.
pub async fn acknowledged_is_there_when_opened_again(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "a", "c"]);
    worked.apply(&*scene.models, &scene.log, 4).await;
    let generations = scene.models.generations().await.expect("generations are listed");
    let models = scene.database.open().await;
    scene.models = models;
    let again = scene.models.generations().await.expect("generations are listed");
    assert_eq!(again, generations);
    assert_eq!(scene.sums().await, scene.log.fold(1..=4));
    let renewed = claim(&*scene.models, worked.key(), worked.worker).await;
    assert_eq!(renewed, worked.leases, "the leases are still there, with their checkpoints");
    let serving = scene.models.serving(&worked.key().projection).await;
    let serving = serving.expect("a healthy database answers").expect("a generation serves");
    assert_eq!((&serving.key, serving.position), (worked.key(), pos(4)));
}

/// Each generation has tables, checkpoints and counts of its own.
///
/// # Panics
///
/// If the promise is broken.
pub async fn generations_share_nothing(harness: &dyn ReadModelHarness) {
    let (mut scene, mut first) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a", "b", "a", "c"]);
    first.apply(&*scene.models, &scene.log, 4).await;
    let key = create(&*scene.models).await;
    let mut second = Worked::new(&*scene.models, &key).await;
    assert_eq!(second.leases.len(), usize::from(PARTITIONS), "leases are by generation");
    assert!(second.leases.iter().all(|lease| lease.checkpoint.position == pos(0)));
    second.apply(&*scene.models, &scene.log, 2).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=4), "the one that serves was changed");
    second.apply(&*scene.models, &scene.log, 4).await;
    serve(&*scene.models, &key).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=4), "each event once in each generation");

    scene.models.retire(first.key()).await.expect("one that does not serve can be retired");
    let all = Partition::all(PARTITIONS).collect();
    let blocked = scene.models.blocked_streams(&key, all).await;
    assert_eq!(blocked.expect("a healthy database answers"), []);
    scene.log.add("a", 1);
    let (changes, advance) = scene.log.advance(&first.leases, 5);
    let outcome = apply(&*scene.models, changes, advance).await;
    assert!(is_fenced(&outcome), "{outcome:?} for one that was retired");
    second.apply(&*scene.models, &scene.log, 5).await;
    assert_eq!(scene.sums().await, scene.log.fold(1..=5));
}

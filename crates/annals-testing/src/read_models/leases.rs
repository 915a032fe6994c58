//! Who works on which partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Claim, DocumentProjection, Generation, GenerationKey, Lease, Partition, WorkerId, WorkerReport,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::harness::{ReadModelHarness, ReadModelsUnderTest};
use super::sample::{
    LONG, PARTITIONS, SampleLog, Scene, TTL, Worked, claim, claim_of, create, is_not_found,
    new_generation,
};
use super::sums::Sums;
use crate::conformance::race;

/// The numbers of partitions that are tried.
const COUNTS: [u16; 4] = [1, 4, 5, 16];
const WORKERS_MAX: usize = 5;

async fn create_with(models: &dyn ReadModelsUnderTest, partitions: u16) -> Generation {
    let new = new_generation();
    let created = match partitions {
        1 => models.create(Arc::new(DocumentProjection(Sums::<1>)), new).await,
        5 => models.create(Arc::new(DocumentProjection(Sums::<5>)), new).await,
        16 => models.create(Arc::new(DocumentProjection(Sums::<16>)), new).await,
        _ => models.create(Arc::new(DocumentProjection(Sums::<4>)), new).await,
    };
    created.expect("a healthy database begins a generation")
}

fn numbers(leases: &[Lease]) -> Vec<u16> {
    leases.iter().map(|lease| lease.partition.get()).collect()
}

/// However many workers and partitions there are: as soon as each worker has claimed twice, every
/// partition is in one hand, and no worker has more than its share, rounded up.
///
/// # Panics
///
/// If the promise is broken.
pub async fn partitions_are_shared_fairly(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    for partitions in COUNTS {
        let key = create_with(&*scene.models, partitions).await.key;
        let mut workers: Vec<WorkerId> = Vec::new();
        for count in 1..=WORKERS_MAX {
            workers.push(WorkerId::new());
            for worker in &workers {
                claim(&*scene.models, &key, *worker).await;
            }
            let mut owned = Vec::new();
            for worker in &workers {
                let leases = claim(&*scene.models, &key, *worker).await;
                let fair = usize::from(partitions).div_ceil(count);
                assert!(leases.len() <= fair, "{} of {partitions} for {count}", leases.len());
                assert!(leases.iter().all(|lease| lease.worker == *worker));
                assert!(leases.is_sorted_by_key(|lease| lease.partition), "{leases:?}");
                owned.extend(numbers(&leases));
            }
            owned.sort_unstable();
            let all: Vec<u16> = (0..partitions).collect();
            assert_eq!(owned, all, "partitions in the hands of {count} workers");
        }
    }
}

/// What the random walk knows about a generation.
#[derive(Default)]
struct Hands {
    /// Minutes since the beginning.
    now: u64,
    owners: BTreeMap<Partition, Hand>,
    tokens: BTreeMap<Partition, u64>,
    /// Until when each worker counts.
    heard: BTreeMap<WorkerId, u64>,
}

#[derive(Clone, Copy)]
struct Hand {
    worker: WorkerId,
    until: u64,
}

impl Hands {
    /// Looks at what a worker was given.
    fn given(&mut self, worker: WorkerId, partitions: u16, leases: &[Lease]) {
        let until = self.now + TTL.as_secs() / 60;
        self.heard.insert(worker, until);
        self.heard.retain(|_, until| *until > self.now);
        self.owners.retain(|_, hand| hand.until > self.now);
        let own: BTreeSet<Partition> = self
            .owners
            .iter()
            .filter(|(_, hand)| hand.worker == worker)
            .map(|(partition, _)| *partition)
            .collect();
        let fair = usize::from(partitions).div_ceil(self.heard.len());
        let nobodys = usize::from(partitions) - self.owners.len();
        assert_eq!(leases.len(), fair.min(own.len() + nobodys), "of {partitions}, fair is {fair}");
        self.owners.retain(|_, hand| hand.worker != worker);
        for lease in leases {
            let taken = self.owners.insert(lease.partition, Hand { worker, until });
            assert!(taken.is_none(), "partition {} has two owners", lease.partition);
            let token = self.tokens.insert(lease.partition, lease.fencing_token).unwrap_or(0);
            if own.contains(&lease.partition) {
                assert_eq!(lease.fencing_token, token, "the token rose though nobody else came");
            }
            assert!(lease.fencing_token >= token, "the token fell");
        }
    }
}

/// Whatever workers do, a partition has at most one owner at any time, and each claim brings as
/// much as the fair share allows and nobody else has.
///
/// # Panics
///
/// If the promise is broken.
pub async fn partition_has_one_owner_at_a_time(harness: &dyn ReadModelHarness) {
    const STEPS: usize = 60;
    let seed = harness.seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let scene = Scene::new(harness).await;
    let handles = [scene.database.open().await, scene.database.open().await];
    for partitions in COUNTS {
        let key = create_with(&*scene.models, partitions).await.key;
        let workers: Vec<WorkerId> = (0..WORKERS_MAX).map(|_| WorkerId::new()).collect();
        let mut hands = Hands::default();
        for _ in 0..STEPS {
            let worker = *workers.choose(&mut random).expect("there are workers");
            let models = handles.choose(&mut random).expect("there are handles");
            match random.random_range(0..10) {
                0 => {
                    let minutes = *[25, 50, 90].choose(&mut random).expect("there are some");
                    scene.database.pass(Duration::from_mins(minutes)).await;
                    hands.now += minutes;
                }
                1 => {
                    models.release(&key, worker).await.expect("leases can be given back");
                    hands.owners.retain(|_, hand| hand.worker != worker);
                    hands.heard.remove(&worker);
                }
                _ => {
                    let leases = claim(&**models, &key, worker).await;
                    hands.given(worker, partitions, &leases);
                }
            }
        }
    }
}

/// Workers that claim at the same time, each through a handle of its own, do not get the same
/// partition, whether they come, stay or give some back.
///
/// # Panics
///
/// If the promise is broken.
pub async fn racing_claims_share_nothing(harness: &dyn ReadModelHarness) {
    const ROUNDS: usize = 16;
    let scene = Scene::new(harness).await;
    let mut handles = Vec::new();
    for _ in 0..WORKERS_MAX {
        handles.push((scene.database.open().await, WorkerId::new()));
    }
    let key = create_with(&*scene.models, 16).await.key;
    for round in 0..ROUNDS {
        let claims = handles.iter().map(|(models, worker)| {
            let (models, key, worker) = (Arc::clone(models), key.clone(), *worker);
            async move { claim(&*models, &key, worker).await }
        });
        let given = race(claims).await;
        let mut all: Vec<u16> = given.iter().flat_map(|leases| numbers(leases)).collect();
        all.sort_unstable();
        assert!(all.is_sorted_by(|one, other| one < other), "two owners: {all:?}");
        if round % 2 == 1 {
            scene.database.pass(LONG).await;
        }
    }
}

/// A worker that is not heard of for as long as its leases last is counted out, and its partitions
/// go to others; until then they do not.
///
/// # Panics
///
/// If the promise is broken.
pub async fn dead_worker_is_taken_over(harness: &dyn ReadModelHarness) {
    let (scene, dead) = Scene::serving(harness).await;
    let heir = WorkerId::new();
    let other = scene.database.open().await;
    assert_eq!(claim(&*other, dead.key(), heir).await, [], "a lease was taken that is not over");
    scene.database.pass(TTL / 2).await;
    assert_eq!(claim(&*other, dead.key(), heir).await, [], "a lease was taken that is not over");
    scene.database.pass(TTL * 3 / 4).await;
    let leases = claim(&*other, dead.key(), heir).await;
    assert_eq!(numbers(&leases), [0, 1, 2, 3], "the dead worker has or counts still");
    for (lease, old) in leases.iter().zip(&dead.leases) {
        assert!(lease.fencing_token > old.fencing_token, "{lease:?} after {old:?}");
    }
    scene.database.pass(LONG).await;
    let status = scene.models.status(dead.key()).await.expect("the status is told");
    let workers: Vec<_> = status.partitions.iter().filter_map(|here| here.worker).collect();
    assert_eq!(workers, [], "nobody has been heard of");
}

/// A worker that claims in time keeps what it has, with the same token; and so does one that
/// applies changes.
///
/// # Panics
///
/// If the promise is broken.
pub async fn living_worker_keeps_its_partitions(harness: &dyn ReadModelHarness) {
    let (mut scene, mut worked) = Scene::serving(harness).await;
    for _ in 0..3 {
        scene.database.pass(TTL * 2 / 3).await;
        let leases = claim(&*scene.models, worked.key(), worked.worker).await;
        assert_eq!(leases, worked.leases, "a lease was lost that was claimed in time");
    }
    scene.log = SampleLog::of(&["a", "b"]);
    for to in 1..=2 {
        scene.database.pass(TTL * 2 / 3).await;
        worked.apply(&*scene.models, &scene.log, to).await;
    }
    let other = claim(&*scene.models, worked.key(), WorkerId::new()).await;
    assert_eq!(other, [], "a lease was taken from a worker that writes");
}

/// What a worker has too much goes to whoever comes, at its next claim.
///
/// # Panics
///
/// If the promise is broken.
pub async fn surplus_is_given_back(harness: &dyn ReadModelHarness) {
    let (scene, first) = Scene::serving(harness).await;
    let (key, second) = (first.key(), WorkerId::new());
    assert_eq!(claim(&*scene.models, key, second).await, [], "all have an owner");
    let kept = claim(&*scene.models, key, first.worker).await;
    assert_eq!(kept.len(), 2, "half of them, with two workers");
    let given = claim(&*scene.models, key, second).await;
    assert_eq!(given.len(), 2, "the other half");
    for lease in &given {
        let old = first.leases.iter().find(|old| old.partition == lease.partition);
        let old = old.expect("the first worker had all partitions");
        assert!(lease.fencing_token > old.fencing_token, "the token did not rise");
    }
}

/// What is given back can be claimed at once, and the worker that left does not count any more.
///
/// # Panics
///
/// If the promise is broken.
pub async fn released_partitions_are_free_at_once(harness: &dyn ReadModelHarness) {
    let (mut scene, leaving) = Scene::serving(harness).await;
    scene.log = SampleLog::of(&["a"]);
    let key = leaving.key();
    scene.models.release(key, leaving.worker).await.expect("leases can be given back");
    let status = scene.models.status(key).await.expect("the status is told");
    assert!(status.partitions.iter().all(|here| here.worker.is_none()), "{status:?}");
    let coming = Worked::new(&*scene.models, key).await;
    assert_eq!(numbers(&coming.leases), [0, 1, 2, 3]);
    for (lease, old) in coming.leases.iter().zip(&leaving.leases) {
        assert!(lease.fencing_token > old.fencing_token, "the token did not rise");
    }
    let nothing = scene.models.release(key, leaving.worker).await;
    nothing.expect("whoever has nothing may give it back");
    let kept = claim(&*scene.models, key, coming.worker).await;
    assert_eq!(kept, coming.leases, "another worker's leases were given back");
}

/// The status tells who works on what, how fast, and what it stumbled over.
///
/// # Panics
///
/// If the promise is broken.
pub async fn status_tells_what_workers_report(harness: &dyn ReadModelHarness) {
    let scene = Scene::new(harness).await;
    let key: GenerationKey = create(&*scene.models).await;
    let reports = [
        (WorkerId::new(), WorkerReport { events_per_second: 12.5, last_error: None }),
        (
            WorkerId::new(),
            WorkerReport { events_per_second: 0.0, last_error: Some("it's \"hot\"".to_owned()) },
        ),
    ];
    for _ in 0..2 {
        for (worker, report) in &reports {
            let claim = Claim { report: report.clone(), ..claim_of(&key, *worker) };
            scene.models.claim(claim).await.expect("a healthy database answers claims");
        }
    }
    let status = scene.models.status(&key).await.expect("the status is told");
    let numbers: Vec<u16> = status.partitions.iter().map(|here| here.partition.get()).collect();
    assert_eq!(numbers, (0..PARTITIONS).collect::<Vec<_>>(), "partitions by number");
    for (worker, report) in &reports {
        let own = status.partitions.iter().filter(|here| here.worker == Some(*worker));
        let told: Vec<_> = own
            .map(|here| WorkerReport {
                events_per_second: here.events_per_second,
                last_error: here.last_error.clone(),
            })
            .collect();
        assert_eq!(told, vec![report.clone(); 2], "what was reported for two partitions each");
    }
    let unknown = GenerationKey { number: 99, ..key };
    assert!(is_not_found(&scene.models.status(&unknown).await));
    let claim = scene.models.claim(claim_of(&unknown, WorkerId::new())).await;
    assert!(is_not_found(&claim), "{claim:?} of a generation that there is not");
}

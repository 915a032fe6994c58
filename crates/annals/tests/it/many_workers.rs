//! Several processes share the work on one read model while they are killed, paused and added.

use std::future::pending;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use crate::balances::append;
use crate::child::Worker;
use crate::postgres::{Database, world_at};
use crate::world::LEASE;

/// The variable with the number of events, for a long run.
const EVENTS: &str = "ANNALS_SOAK_EVENTS";

/// Events of a run that is part of the tests.
const EVENTS_DEFAULT: usize = 40_000;

const WORKERS: usize = 3;
const ACCOUNTS: u32 = 1_000;

/// Events in one append.
const BATCH: usize = 100;

/// Keeps the read models up to date until it is killed.
pub(crate) fn play(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        world_at(url).await.projections().run(pending()).await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_doubled_while_workers_are_killed_and_paused() {
    let events = std::env::var(EVENTS).ok();
    let events = events.map_or(EVENTS_DEFAULT, |text| text.parse().expect("it is a number"));
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let database = Database::create().await;
    let url = database.url();
    let world = world_at(&url).await;
    let mut workers: Vec<_> = (0..WORKERS).map(|_| Worker::start(&url)).collect();
    let (mut killed, mut paused) = (0, 0);
    let mut sleeper: Option<(Worker, Instant)> = None;
    let mut written = 0;
    while written < events {
        let amounts: Vec<_> = (0..BATCH)
            .map(|_| (random.random_range(0..ACCOUNTS).to_string(), random.random_range(-9..10)))
            .collect();
        append(&*world.store, &amounts).await;
        written += BATCH;
        if let Some((worker, until)) = sleeper.take_if(|(_, until)| *until <= Instant::now()) {
            let _ = until;
            worker.go_on();
            workers.push(worker);
        }
        match random.random_range(0..40) {
            0 => {
                let chosen = random.random_range(0..workers.len());
                workers.swap_remove(chosen).kill();
                workers.push(Worker::start(&url));
                killed += 1;
            }
            1 if sleeper.is_none() && workers.len() > 1 => {
                let worker = workers.swap_remove(random.random_range(0..workers.len()));
                worker.pause();
                // Long enough for the others to take over.
                sleeper = Some((worker, Instant::now() + LEASE * 2));
                paused += 1;
            }
            _ => {}
        }
    }
    if let Some((worker, until)) = sleeper {
        sleep_until(until).await;
        worker.go_on();
        workers.push(worker);
    }
    world.caught_up().await;
    println!("{written} events; {killed} workers were killed, {paused} paused");
    world.assert_is_the_fold().await;
    assert!(killed > 0 && paused > 0, "nobody was disturbed");
}

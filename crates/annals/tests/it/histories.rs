//! After any random history the read model equals the fold of the log, on both databases.

use std::future::pending;

use annals::GenerationState;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::balances::{Balances, append};
use crate::world::{ReadDatabase, World};
use crate::{postgres, sqlite};

/// Rounds of a history.
const ROUNDS: u32 = 40;

/// Appends while runners come and are dropped in the middle of whatever they do, and while the
/// read model is built anew, switched and switched back.
async fn random_history<D: ReadDatabase>(world: &World<D>) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut runners = JoinSet::new();
    for round in 0..ROUNDS {
        while runners.len() < 2 {
            let running = world.projections();
            runners.spawn(async move { running.run(pending()).await });
        }
        for _ in 0..random.random_range(1..5) {
            let amounts: Vec<_> = (0..random.random_range(1..50))
                .map(|_| (random.random_range(0..60).to_string(), random.random_range(-9..10)))
                .collect();
            append(&*world.store, &amounts).await;
        }
        match random.random_range(0..10) {
            0..4 => {
                runners.abort_all();
                while runners.join_next().await.is_some() {}
            }
            4 => world.caught_up().await,
            5 if round > 5 => {
                // Refused while another one is under way.
                let _ = world.projections().rebuild(Balances::NAME).await;
            }
            6 => {
                let _ = world.projections().rollback(Balances::NAME).await;
            }
            _ => {}
        }
    }
    let running = world.projections();
    runners.spawn(async move { running.run(pending()).await });
    world.caught_up().await;
    world.assert_is_the_fold().await;
    // Once more from the start, as the last word, and back to what it replaces.
    let begun = loop {
        match world.projections().rebuild(Balances::NAME).await {
            Ok(begun) => break begun.key,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    world.until(begun.number, GenerationState::Serving).await;
    world.assert_is_the_fold().await;
    world.projections().rollback(Balances::NAME).await.unwrap();
    world.assert_is_the_fold().await;
    runners.abort_all();
    while let Some(ended) = runners.join_next().await {
        assert!(ended.is_err_and(|error| error.is_cancelled()), "a runner has stopped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_model_in_files_is_the_fold_after_any_history() {
    let (world, _folder) = sqlite::world();
    random_history(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_model_in_postgres_is_the_fold_after_any_history() {
    let (world, _database) = postgres::world().await;
    random_history(&world).await;
}

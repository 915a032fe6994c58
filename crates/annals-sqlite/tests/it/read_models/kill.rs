//! kill -9 while changes are applied, again and again, on one folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use annals_core::{Generations, Hosts, IfBehind, LogId, NewGeneration};
use annals_sqlite::SqliteReadModels;
use annals_testing::ManualClock;
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::history;
use super::scene::Balances;
use crate::child;

pub(crate) const ROLE: &str = "read-models";
const LIFE: &str = "ANNALS_TEST_LIFE";
const LIVES: i32 = 60;

/// The leases of the life before are over.
fn open(folder: &Path, life: i32) -> SqliteReadModels {
    let clock = ManualClock::default();
    clock.advance(TimeDelta::hours(i64::from(life)));
    SqliteReadModels::options().readers(1).clock(Arc::new(clock)).open(folder).unwrap()
}

/// Applies batches of all sizes until it is killed; says where it is after each.
pub(crate) fn play(folder: &Path) {
    let life = std::env::var(LIFE).expect("this role has a life").parse().unwrap();
    let models = open(folder, life);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let serving = models.serving("balances").await.unwrap().unwrap();
        let mut leases = history::claim(&models, &serving.key).await.unwrap();
        for count in [1, 3, 200, 1, 40].into_iter().cycle() {
            let position = history::go_on(&models, &mut leases, count).await.unwrap();
            let line = format!("at {position}\n");
            std::io::stdout().write_all(line.as_bytes()).expect("somebody listens");
        }
    });
}

#[test]
fn rows_are_those_of_the_checkpoint_after_every_kill() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let models = open(folder.path(), 0);
        let new = NewGeneration { log_id: LogId::new() };
        let generation = models.create(Arc::new(Balances), new).await.unwrap();
        models.switch(&generation.key, IfBehind::Refuse).await.unwrap();
    });
    let mut reached = 0;
    for life in 1..=LIVES {
        let told = live_and_be_killed(folder.path(), life, &mut random).unwrap_or(reached);
        let models = open(folder.path(), life);
        let position = runtime.block_on(history::assert_rows_fit(&models)).get();
        assert!(position >= told, "told of {told}, found {position}");
        reached = position;
    }
    assert!(reached > u64::try_from(LIVES).unwrap() * 10, "too little happened: {reached}");
}

/// Starts a process, kills it at a random moment, and gives the last position it told of.
fn live_and_be_killed(folder: &Path, life: i32, random: &mut StdRng) -> Option<u64> {
    let mut child = child::command(ROLE, folder).env(LIFE, life.to_string()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let position = |line: String| line.strip_prefix("at ").and_then(|place| place.parse().ok());
    let mut told = None;
    for _ in 0..random.random_range(0..40) {
        told = lines.by_ref().find_map(position).or(told);
    }
    std::thread::park_timeout(std::time::Duration::from_micros(random.random_range(0..2_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What is left in the pipe was said before the end; its last line may be cut off.
    let whole = |line: &String| line.len() > 3;
    let mut rest: Vec<u64> = lines.filter(whole).filter_map(position).collect();
    rest.pop();
    rest.into_iter().max().or(told)
}

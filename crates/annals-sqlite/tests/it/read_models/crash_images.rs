//! The end of the process or of the machine at every step, and every write and flush failing once:
//! what is left can be opened, is whole, and is what was acknowledged.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use annals_core::{
    Checkpoint, CheckpointStore, Generation, GenerationKey, GenerationState, Generations, Hosts,
    IfBehind, LogId, NewGeneration,
};
use annals_sqlite::SqliteReadModels;
use annals_testing::ManualClock;
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::history;
use super::scene::{Balances, at};
use crate::child;
use crate::crash_images::run_recorded;
use crate::disk::{Disk, Loss};
use crate::recording::{self, Change};

pub(crate) const ROLE: &str = "read-models-lives";
const OUTCOMES: &str = "outcomes";

fn open(folder: &Path, hour: i64) -> SqliteReadModels {
    let clock = ManualClock::default();
    clock.advance(TimeDelta::hours(hour));
    let options = SqliteReadModels::options().readers(1).clock(Arc::new(clock));
    options.open(folder).expect("the folder opens")
}

/// Builds, switches, rebuilds, switches, retires. What fails is passed over, as a supervisor would
/// that comes back later.
pub(crate) fn play(folder: &Path) {
    let clock = Arc::new(ManualClock::default());
    let options = SqliteReadModels::options().readers(1).clock(clock);
    let Ok(models) = options.open(folder) else { return };
    let mut outcomes = Outcomes::open(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            life(&models, &mut outcomes).await;
        }
        let (from, to) = (Checkpoint::START, at(9));
        if models.save_checkpoint("mailer", from, to).await.is_ok() {
            outcomes.note("saved");
        }
    });
}

/// One rebuild, from creating a generation to retiring the one before.
async fn life(models: &SqliteReadModels, outcomes: &mut Outcomes) {
    let new = NewGeneration { log_id: LogId::from_uuid(uuid::Uuid::nil()) };
    outcomes.note("tries");
    let Ok(generation) = models.create(Arc::new(Balances), new).await else { return };
    let key = generation.key;
    outcomes.note(&format!("created {}", key.number));
    let before = models.serving(&key.projection).await.ok().flatten();
    if let Ok(mut leases) = history::claim(models, &key).await {
        for count in [5, 300, 2] {
            let applied = history::go_on(models, &mut leases, count).await;
            if let Ok(position) = applied {
                outcomes.note(&format!("applied {} {position}", key.number));
            }
        }
    }
    let _ = models.finish(Arc::new(Balances), &key).await;
    outcomes.note(&format!("switches {}", key.number));
    if models.switch(&key, IfBehind::Refuse).await.is_ok() {
        outcomes.note(&format!("switched {}", key.number));
        if let Some(before) = before {
            outcomes.note(&format!("retires {}", before.key.number));
            if models.retire(&before.key).await.is_ok() {
                outcomes.note(&format!("retired {}", before.key.number));
            }
        }
    } else if models.retire(&key).await.is_ok() {
        outcomes.note(&format!("retired {}", key.number));
    }
}

/// What was tried and what was acknowledged, in a file beside the read models.
struct Outcomes(File);

impl Outcomes {
    fn open(folder: &Path) -> Self {
        let path = folder.join(OUTCOMES);
        Self(OpenOptions::new().append(true).create(true).open(path).unwrap())
    }

    fn note(&mut self, line: &str) {
        // A fault may hit this file as well; what is not noted is not asserted.
        let _ = self.0.write_all(format!("{line}\n").as_bytes());
    }
}

/// What a text of outcomes promises.
#[derive(Debug, Default)]
struct Promised {
    created: BTreeSet<u32>,
    retire_tried: BTreeSet<u32>,
    retired: BTreeSet<u32>,
    switch_tried: Option<u32>,
    switched: Option<u32>,
    /// By generation: the last position.
    applied: std::collections::BTreeMap<u32, u64>,
    is_saved: bool,
}

impl Promised {
    fn read(text: &str) -> Self {
        let mut promised = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = words.get(1).and_then(|word| word.parse().ok());
            match (words[0], number) {
                ("created", Some(number)) => _ = promised.created.insert(number),
                ("retires", Some(number)) => _ = promised.retire_tried.insert(number),
                ("retired", Some(number)) => _ = promised.retired.insert(number),
                ("switches", number) => promised.switch_tried = number,
                ("switched", number) => promised.switched = number,
                ("applied", Some(number)) => {
                    promised.applied.insert(number, words[2].parse().unwrap());
                }
                ("saved", _) => promised.is_saved = true,
                _ => {}
            }
        }
        promised
    }
}

/// Looks at what is left; applied changes are only promised to survive if `loss` is nothing.
async fn check(folder: &Path, promised: &Promised, is_flushed_lost: bool) {
    let models = open(folder, 5);
    let generations = models.generations().await.unwrap();
    let numbers: BTreeSet<u32> = generations.iter().map(|build| build.key.number).collect();
    for number in promised.created.difference(&promised.retired) {
        let is_going = promised.retire_tried.contains(number)
            // A generation that could not be switched to is retired without a word before.
            || promised.switch_tried == Some(*number);
        assert!(is_going || numbers.contains(number), "generation {number} is lost: {promised:?}");
    }
    for number in &promised.retired {
        assert!(!numbers.contains(number), "generation {number} is back: {promised:?}");
    }
    let serving = models.serving("balances").await.unwrap();
    if let Some(switched) = promised.switched {
        let number = serving.as_ref().map(|serving| serving.key.number);
        let may_be = [Some(switched), promised.switch_tried];
        assert!(number.is_some() && may_be.contains(&number), "{number:?} serves: {promised:?}");
    }
    if serving.is_some() {
        history::assert_rows_fit(&models).await;
    }
    for generation in &generations {
        check_generation(&models, generation, promised, is_flushed_lost).await;
    }
    if promised.is_saved && !is_flushed_lost {
        assert_eq!(models.load_checkpoint("mailer").await.unwrap(), at(9));
    }
    let files: BTreeSet<u32> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_prefix("balances-")?.strip_suffix(".db")?.parse().ok()
        })
        .collect();
    assert_eq!(files, numbers, "files and catalog agree");
    rebuild(&models, generations).await;
}

async fn check_generation(
    models: &SqliteReadModels,
    generation: &Generation,
    promised: &Promised,
    is_flushed_lost: bool,
) {
    let status = models.status(&generation.key).await.unwrap();
    assert_eq!(status.partitions.len(), 4);
    let position = status.partitions[0].checkpoint.position.get();
    assert!(status.partitions.iter().all(|share| share.checkpoint.position.get() == position));
    if let Some(applied) = promised.applied.get(&generation.key.number)
        && !is_flushed_lost
    {
        assert!(position >= *applied, "{} is at {position}: {promised:?}", generation.key);
    }
}

/// Whatever happened, another rebuild goes through.
async fn rebuild(models: &SqliteReadModels, generations: Vec<Generation>) {
    for generation in generations {
        if matches!(generation.state, GenerationState::Building | GenerationState::Held) {
            models.retire(&generation.key).await.unwrap();
        }
    }
    let new = NewGeneration { log_id: LogId::from_uuid(uuid::Uuid::nil()) };
    let key: GenerationKey = models.create(Arc::new(Balances), new).await.unwrap().key;
    let mut leases = history::claim(models, &key).await.unwrap();
    history::go_on(models, &mut leases, 1_000).await.unwrap();
    models.switch(&key, IfBehind::Refuse).await.unwrap();
    assert_eq!(history::assert_rows_fit(models).await.get(), 1_000);
}

fn recorded() -> Vec<Change> {
    let folder = TempDir::new().unwrap();
    run_recorded(child::command(ROLE, folder.path()), folder.path())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// What is left when `loss` befalls the disk after `count` changes, checked.
fn check_image(disk: &Disk, loss: Loss, seed: u64) {
    let image = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    disk.fail(loss, seed, image.path());
    let promised = Promised::read(&String::from_utf8(disk.seen(OUTCOMES)).unwrap());
    let is_flushed_lost = !matches!(loss, Loss::Nothing);
    runtime().block_on(check(image.path(), &promised, is_flushed_lost));
}

#[test]
fn process_that_ends_at_any_step_leaves_what_works() {
    let mut disk = Disk::default();
    let changes = recorded();
    assert!(changes.len() > 100, "the recorder has seen only {} changes", changes.len());
    for (step, change) in changes.iter().enumerate() {
        disk.apply(change);
        println!("after {} of {} changes: {change:.60?}", step + 1, changes.len());
        check_image(&disk, Loss::Nothing, 0);
    }
}

/// Cuts the power after every change, and looks at what is left each time.
fn cut_power(changes: &[Change], seed: u64) {
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut disk = Disk::default();
    for change in changes {
        disk.apply(change);
        let losses = [Loss::Everything, Loss::Rest, Loss::Some, Loss::Torn];
        let loss = losses[random.random_range(0..losses.len())];
        let image_seed = random.random();
        println!("{loss:?}, seed {image_seed}, after {change:.60?}");
        check_image(&disk, loss, image_seed);
    }
}

#[test]
fn machine_that_fails_at_any_step_leaves_what_works() {
    cut_power(&recorded(), rand::random());
}

/// The test above must notice a flush that is left out.
#[test]
fn losing_a_generation_that_was_acknowledged_is_noticed() {
    let without_flushes: Vec<Change> = recorded()
        .into_iter()
        .filter(|change| !matches!(change, Change::FlushBegun { .. } | Change::Flushed { .. }))
        .collect();
    let outcome = std::panic::catch_unwind(|| cut_power(&without_flushes, 1));
    assert!(outcome.is_err(), "generations that were never flushed passed");
}

/// The disk is full, or a flush fails, once, at every single call.
#[test]
fn every_write_and_flush_that_fails_once_is_lived_through() {
    let changes = recorded();
    let writes = changes.iter().filter(|change| matches!(change, Change::Written { .. })).count();
    let flushes = changes.iter().filter(|change| matches!(change, Change::Flushed { .. })).count();
    for (kind, count) in [("write", writes), ("flush", flushes)] {
        for at in 1..=count {
            println!("{kind} {at} of {count} fails");
            let (folder, aside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let mut command = child::command(ROLE, folder.path());
            command.env("RECORDER_FAIL", kind).env("RECORDER_FAIL_AT", at.to_string());
            command.env("RECORDER_FAIL_COUNT", "1");
            let log = aside.path().join("recording");
            let output = recording::record(&mut command, folder.path(), &log).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            let told = std::fs::read_to_string(folder.path().join(OUTCOMES)).unwrap_or_default();
            runtime().block_on(check(folder.path(), &Promised::read(&told), false));
        }
    }
}

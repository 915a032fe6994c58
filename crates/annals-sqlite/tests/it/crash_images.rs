//! A power failure at any moment: what was flushed is there, of the rest any part may be, some of
//! it torn. Whatever is left, the log opens, is whole, and has all that was acknowledged.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use annals_core::{EventStore, Position};
use annals_sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use crate::child;
use crate::disk::{Disk, Loss};
use crate::recording::{self, Change};
use crate::workload::{self, Outcomes};

pub(crate) const ROLE: &str = "lives";

/// Several lives of a log in one process, each with appends in flight together, with so short a
/// write-ahead log that every life sees checkpoints and logs begun anew.
pub(crate) fn play(folder: &Path) {
    let outcomes = Arc::new(Outcomes::open(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for life in 0..4 {
        let store = open(folder).expect("the log can be opened");
        let store: Arc<dyn EventStore> = Arc::new(store);
        runtime.block_on(workload::run(&store, &life.to_string(), 3, 20, &outcomes));
    }
}

fn open(folder: &Path) -> Result<SqliteStore, annals_sqlite::OpenError> {
    SqliteStore::options().readers(1).wal_bytes(40 * 4096).open(child::log_in(folder))
}

/// Runs `command` under the recorder and gives what it did.
pub(crate) fn run_recorded(mut command: Command, folder: &Path) -> Vec<Change> {
    let aside = TempDir::new().unwrap();
    let log = aside.path().join("recording");
    let output = recording::record(&mut command, folder, &log).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    recording::read(&log, folder)
}

/// Cuts the power `images` times during the recorded run, and looks at what is left each time.
pub(crate) fn cut_power(changes: &[Change], images: usize, seed: u64) {
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut moments: Vec<usize> =
        (0..images).map(|_| random.random_range(0..=changes.len())).collect();
    moments.sort_unstable();
    let mut disk = Disk::default();
    let mut applied = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for moment in moments {
        for change in &changes[applied..moment] {
            disk.apply(change);
        }
        applied = moment;
        let loss = match random.random_range(0..8) {
            0 => Loss::Everything,
            1 => Loss::Nothing,
            2 | 3 => Loss::Rest,
            4 | 5 => Loss::Some,
            _ => Loss::Torn,
        };
        let image_seed = random.random();
        println!("after {moment} of {} changes, {loss:?}, seed {image_seed}", changes.len());
        let image = image_folder();
        disk.fail(loss, image_seed, image.path());
        let told = Outcomes::read(&String::from_utf8(disk.seen("outcomes")).unwrap());
        let store = open(image.path()).expect("a log opens after a power failure");
        let events = runtime.block_on(workload::verify(&store, Position::ZERO));
        workload::assert_kept(&workload::commands(&events), &told);
    }
}

/// In memory where the machine has such a place: an image need not outlive anything.
fn image_folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

#[test]
fn acknowledged_events_survive_a_power_failure_at_any_moment() {
    let folder = TempDir::new().unwrap();
    let changes = run_recorded(child::command(ROLE, folder.path()), folder.path());
    let flushes = changes.iter().filter(|change| matches!(change, Change::Flushed { .. })).count();
    assert!(flushes > 50, "the recorder has seen only {flushes} flushes");
    cut_power(&changes, 2_500, rand::random());
}

/// The test above must notice a flush that is left out: the model of the disk and the workload are
/// what it relies on.
#[test]
fn losing_what_was_flushed_is_noticed() {
    let folder = TempDir::new().unwrap();
    let changes = run_recorded(child::command(ROLE, folder.path()), folder.path());
    let without_flushes: Vec<Change> = changes
        .into_iter()
        .filter(|change| !matches!(change, Change::FlushBegun { .. } | Change::Flushed { .. }))
        .collect();
    let outcome = std::panic::catch_unwind(|| cut_power(&without_flushes, 200, 1));
    assert!(outcome.is_err(), "a log that was never flushed passed");
}

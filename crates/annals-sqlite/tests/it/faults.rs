//! A disk that is full, and flushes that fail, at every single call.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use annals_core::{EventStore, Position, ReadError};
use annals_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child;
use crate::crash_images::{cut_power, run_recorded};
use crate::recording::{self, Change};
use crate::workload::{self, Outcome, Outcomes};

pub(crate) const ROLE: &str = "faults";
const COMMANDS: usize = 6;
const CLIENTS: usize = 3;

/// Two lives: clients send their commands; then the log is opened again, and whatever was not
/// acknowledged is sent again.
pub(crate) fn play(folder: &Path) {
    let outcomes = Arc::new(Outcomes::open(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    if let Some(store) = open(folder) {
        let store: Arc<dyn EventStore> = Arc::new(store);
        runtime.block_on(workload::run(&store, "f", CLIENTS, COMMANDS, &outcomes));
        if read_outcomes(folder).values().any(|outcome| matches!(outcome, Outcome::Closed)) {
            runtime.block_on(assert_waiting_tells_why(&store));
        }
    }
    let Some(store) = open(folder) else { return };
    let told = read_outcomes(folder);
    for label in labels() {
        if !matches!(told.get(&label), Some(Outcome::Acknowledged { .. })) {
            outcomes.note(&label, Outcome::Sent);
            let outcome = runtime.block_on(workload::send(&store, &label));
            outcomes.note(&label, outcome);
        }
    }
}

/// Whoever waits for news of a stopped writer is told the same as whoever appends.
async fn assert_waiting_tells_why(store: &Arc<dyn EventStore>) {
    let head = store.head().await.unwrap();
    let Err(ReadError::Closed { source }) = store.wait_past(head).await else {
        panic!("the writer has stopped")
    };
    assert!(source.to_string().contains("the writer stopped because"), "{source}");
}

fn open(folder: &Path) -> Option<SqliteStore> {
    SqliteStore::options().readers(1).wal_bytes(20 * 4096).open(child::log_in(folder)).ok()
}

fn labels() -> impl Iterator<Item = String> {
    (0..CLIENTS).flat_map(|client| (0..COMMANDS).map(move |n| format!("f-{client}-{n}")))
}

fn read_outcomes(folder: &Path) -> std::collections::HashMap<String, Outcome> {
    Outcomes::read(&std::fs::read_to_string(folder.join("outcomes")).unwrap_or_default())
}

/// Calls of one kind in a run without faults.
fn count(is_counted: impl Fn(&Change) -> bool) -> usize {
    let folder = TempDir::new().unwrap();
    let changes = run_recorded(child::command(ROLE, folder.path()), folder.path());
    changes.iter().filter(|change| is_counted(change)).count()
}

fn faulty(folder: &Path, kind: &str, at: usize, count: usize) -> Command {
    let mut command = child::command(ROLE, folder);
    command
        .env("RECORDER_FAIL", kind)
        .env("RECORDER_FAIL_AT", at.to_string())
        .env("RECORDER_FAIL_COUNT", count.to_string());
    command
}

/// After the faults are over: the log opens, keeps what clients were told, and takes everything
/// that is missing.
fn assert_recovers(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told = read_outcomes(folder);
    let store = open(folder).expect("the log opens when the faults are over");
    let events = runtime.block_on(workload::verify(&store, Position::ZERO));
    workload::assert_kept(&workload::commands(&events), &told);
    for label in labels() {
        let outcome = runtime.block_on(workload::send(&store, &label));
        assert!(matches!(outcome, Outcome::Acknowledged { .. }), "{label}: {outcome:?}");
    }
    let events = runtime.block_on(workload::verify(&store, Position::ZERO));
    assert_eq!(workload::commands(&events).len(), labels().count());
}

/// Lives with the fault; every command got an answer, and no flush that failed went unnoticed.
fn live(mut command: Command, folder: &Path) {
    let aside = TempDir::new().unwrap();
    let log = aside.path().join("recording");
    let output = recording::record(&mut command, folder, &log).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn disk_full_at_any_write_is_reported_and_survived() {
    let writes = count(|change| matches!(change, Change::Written { .. }));
    assert!(writes > 100, "the recorder has seen only {writes} writes");
    for at in 1..=writes {
        println!("full from write {at} of {writes} on");
        let folder = TempDir::new().unwrap();
        live(faulty(folder.path(), "write", at, 1_000_000), folder.path());
        assert_recovers(folder.path());
    }
}

#[test]
fn disk_full_for_a_moment_costs_only_the_appends_of_that_moment() {
    let writes = count(|change| matches!(change, Change::Written { .. }));
    for at in (1..=writes).step_by(3) {
        println!("full at write {at} of {writes}");
        let folder = TempDir::new().unwrap();
        live(faulty(folder.path(), "write", at, 1), folder.path());
        for (label, outcome) in read_outcomes(folder.path()) {
            let is_acknowledged = matches!(outcome, Outcome::Acknowledged { .. });
            assert!(is_acknowledged, "{label} in the end: {outcome:?}");
        }
        assert_recovers(folder.path());
    }
}

/// The failed flush has lost its pages for good, though the system goes on showing them. Commands
/// repeated after the reopening are acknowledged from what is shown, so opening must have written
/// it anew: power is cut afterwards.
#[test]
fn failed_flush_is_unknown_and_nothing_acknowledged_depends_on_it() {
    let flushes = count(|change| matches!(change, Change::Flushed { .. }));
    assert!(flushes > 10, "the recorder has seen only {flushes} flushes");
    let mut unknown = 0;
    for at in 1..=flushes {
        println!("failing at flush {at} of {flushes}");
        let folder = TempDir::new().unwrap();
        let changes = run_recorded(faulty(folder.path(), "flush", at, 1), folder.path());
        let noted = std::fs::read_to_string(folder.path().join("outcomes")).unwrap_or_default();
        unknown += noted.lines().filter(|line| line.ends_with(" unknown")).count();
        cut_power(&changes, 20, rand::random());
        assert_recovers(folder.path());
    }
    assert!(unknown > 0, "no append was in a flush that failed");
}

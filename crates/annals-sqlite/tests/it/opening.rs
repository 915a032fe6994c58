//! Opening a log, and refusing to: nothing is made or changed then.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use annals_core::{AppendError, EventStore, Position, Read};
use annals_sqlite::{Integrity, OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::log_in;
use crate::workload;

/// Name and content of every file in a folder.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| {
        let file = file.unwrap();
        (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
    });
    files.collect()
}

/// Opens what `make` has made, for writing and for reading, and gives the refusals.
fn refusals(make: impl Fn(&Path)) -> [OpenError; 2] {
    let folder = TempDir::new().unwrap();
    make(folder.path());
    let before = content(folder.path());
    let path = log_in(folder.path());
    let refusals = [
        SqliteStore::open(&path).unwrap_err(),
        SqliteStore::options().read_only().open(&path).unwrap_err(),
    ];
    assert_eq!(content(folder.path()), before, "refused, and yet something was changed");
    refusals
}

#[test]
fn text_file_is_refused_and_left_alone() {
    for text in ["hello\n".to_owned(), "SQLite format 3\0".to_owned(), "x".repeat(10_000)] {
        for refusal in refusals(|folder| fs::write(log_in(folder), &text).unwrap()) {
            assert!(matches!(refusal, OpenError::NotAnnals { .. }), "{refusal:?}");
            assert!(refusal.to_string().ends_with("log.db is not an Annals log"), "{refusal}");
        }
    }
}

#[test]
fn foreign_database_is_refused_and_left_alone() {
    for mode in ["DELETE", "WAL"] {
        let refusals = refusals(|folder| {
            let foreign = Connection::open(log_in(folder)).unwrap();
            foreign.execute_batch(&format!("PRAGMA journal_mode = {mode};")).unwrap();
            foreign.execute_batch("CREATE TABLE event (position INTEGER PRIMARY KEY)").unwrap();
            foreign.execute_batch("INSERT INTO event VALUES (1)").unwrap();
        });
        for refusal in refusals {
            assert!(matches!(refusal, OpenError::NotAnnals { .. }), "{refusal:?}");
        }
    }
}

#[test]
fn newer_format_is_refused_and_left_alone() {
    let refusals = refusals(|folder| {
        SqliteStore::open(log_in(folder)).unwrap().close();
        let log = Connection::open(log_in(folder)).unwrap();
        log.execute_batch("PRAGMA user_version = 99").unwrap();
    });
    for refusal in refusals {
        assert!(matches!(refusal, OpenError::Newer { found: 99, known: 1, .. }), "{refusal:?}");
    }
}

#[test]
fn newer_format_that_is_only_in_the_write_ahead_log_is_refused_too() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let store = SqliteStore::open(&path).unwrap();
    // As a newer release would do that was killed right after its migration.
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 2").unwrap();
    let killed = copy_of_killed(folder.path());
    drop((store, newer));
    let before = fs::read(log_in(killed.path())).unwrap();
    let refusal = SqliteStore::open(log_in(killed.path())).unwrap_err();
    assert!(matches!(refusal, OpenError::Newer { found: 2, .. }), "{refusal:?}");
    assert_eq!(fs::read(log_in(killed.path())).unwrap(), before);
    assert!(killed.path().join("log.db-wal").exists(), "its write-ahead log is gone");
}

/// The files of a log as a process that is killed at this moment leaves them.
fn copy_of_killed(folder: &Path) -> TempDir {
    let killed = TempDir::new().unwrap();
    for name in ["log.db", "log.db-wal"] {
        fs::copy(folder.join(name), killed.path().join(name)).unwrap();
    }
    killed
}

#[tokio::test]
async fn reader_sees_what_a_killed_writer_has_left() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(log_in(folder.path())).unwrap();
    workload::send(&store, "a").await;
    let killed = copy_of_killed(folder.path());
    let wal = fs::read(killed.path().join("log.db-wal")).unwrap();
    for integrity in [Integrity::Tail, Integrity::Quick, Integrity::Full] {
        let options = SqliteStore::options().read_only().integrity(integrity);
        let reader = options.open(log_in(killed.path())).unwrap();
        let page = reader.read(Read::all()).await.unwrap();
        assert_eq!(page, store.read(Read::all()).await.unwrap());
        reader.close();
        assert_eq!(fs::read(killed.path().join("log.db-wal")).unwrap(), wal);
    }
}

#[tokio::test]
async fn write_ahead_log_without_its_file_is_refused_and_kept() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(log_in(folder.path())).unwrap();
    workload::send(&store, "a").await;
    let killed = copy_of_killed(folder.path());
    fs::remove_file(log_in(killed.path())).unwrap();
    let refusal = SqliteStore::open(log_in(killed.path())).unwrap_err();
    assert!(matches!(refusal, OpenError::Damaged { .. }), "{refusal:?}");
    let left: Vec<String> = content(killed.path()).into_keys().collect();
    assert_eq!(left, ["log.db-lock", "log.db-wal"]);
}

#[test]
fn missing_folder_is_an_error_and_is_not_made() {
    let folder = TempDir::new().unwrap();
    let refusal = SqliteStore::open(folder.path().join("no/log.db")).unwrap_err();
    let OpenError::Io { source, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert_eq!(content(folder.path()), BTreeMap::new());
    let refusal = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(refusal, OpenError::Io { .. }), "a folder: {refusal:?}");
}

#[test]
fn missing_log_is_not_made_for_reading() {
    let folder = TempDir::new().unwrap();
    let refusal = SqliteStore::options().read_only().open(log_in(folder.path())).unwrap_err();
    let OpenError::Io { source, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert_eq!(content(folder.path()), BTreeMap::new());
}

#[test]
fn log_with_a_trigger_dropped_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    SqliteStore::open(&path).unwrap().close();
    let log = Connection::open(&path).unwrap();
    log.execute_batch("DROP TRIGGER event_is_never_removed").unwrap();
    let refusal = SqliteStore::open(&path).unwrap_err();
    let OpenError::Damaged { detail, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!(detail, "event_is_never_removed is not as it was made");
}

#[tokio::test]
async fn empty_file_and_unfinished_log_are_made_anew() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    fs::write(&path, "").unwrap();
    fs::write(folder.path().join("log.db-new"), "half").unwrap();
    fs::write(folder.path().join("log.db-new-journal"), "half").unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.head().await.unwrap(), Position::ZERO);
    store.close();
    let left: Vec<String> = content(folder.path()).into_keys().collect();
    assert_eq!(left, ["log.db", "log.db-lock"]);
}

#[tokio::test]
async fn closing_answers_what_is_queued_and_leaves_one_file() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let store = std::sync::Arc::new(SqliteStore::open(&path).unwrap());
    let appends: Vec<_> = (0..100)
        .map(|number| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { workload::send(&*store, &format!("c-{number}")).await })
        })
        .collect();
    for append in appends {
        let outcome = append.await.unwrap();
        assert!(matches!(outcome, workload::Outcome::Acknowledged { .. }), "{outcome:?}");
    }
    std::sync::Arc::try_unwrap(store).unwrap().close();
    let left: Vec<String> = content(folder.path()).into_keys().collect();
    assert_eq!(left, ["log.db", "log.db-lock"]);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(workload::commands(&workload::verify(&store, Position::ZERO).await).len(), 100);
}

#[tokio::test]
async fn reader_reads_and_does_not_write() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let writer = SqliteStore::open(&path).unwrap();
    workload::send(&writer, "a").await;
    let reader = SqliteStore::options().read_only().open(&path).unwrap();
    let page = reader.read(Read::all()).await.unwrap();
    assert_eq!(page, writer.read(Read::all()).await.unwrap());
    assert_eq!(reader.head().await.unwrap(), writer.head().await.unwrap());
    let refused = reader.append(workload::append("b")).await.unwrap_err();
    let AppendError::Closed { source } = refused else { panic!("{refused:?}") };
    assert_eq!(source.to_string(), "the store was opened for reading only");
    let id = workload::command_id("a");
    assert_eq!(reader.find_command(id).await.unwrap(), writer.find_command(id).await.unwrap());
}

#[cfg(unix)]
#[test]
fn second_path_to_the_same_log_leads_to_the_same_lock() {
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.db");
    let _store = SqliteStore::open(log_in(folder.path())).unwrap();
    std::os::unix::fs::symlink(log_in(folder.path()), &other).unwrap();
    let refusal = SqliteStore::open(other).unwrap_err();
    assert!(matches!(refusal, OpenError::Held { .. }), "{refusal:?}");
}

//! The file of snapshots: whatever happens to it, the log goes on.

use std::fs;
use std::path::Path;

use annals_core::{EventId, EventStore, Position, Sequence, Snapshot, SnapshotStore, StreamId};
use annals_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::log_in;
use crate::workload;

fn snapshot() -> Snapshot {
    let stream = StreamId::new("account", "a").unwrap();
    let sequence = Sequence::new(3).unwrap();
    Snapshot::new(stream, sequence, EventId::new(), 1, &"x".repeat(50_000)).unwrap()
}

async fn load(store: &SqliteStore, kept: &Snapshot) -> Option<Snapshot> {
    store.load(kept.stream.clone(), 1, Sequence::MAX).await.unwrap()
}

/// Keeps a snapshot, closes, harms the file, opens again: the snapshot may be gone, and the next
/// one is kept.
async fn survives(harm: impl Fn(&Path)) {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let sidecar = folder.path().join("log.db-snapshot");
    let kept = snapshot();
    let store = SqliteStore::open(&path).unwrap();
    workload::send(&store, "a").await;
    store.save(kept.clone()).await.unwrap();
    assert_eq!(load(&store, &kept).await.as_ref(), Some(&kept));
    store.close();
    harm(&sidecar);
    let store = SqliteStore::open(&path).unwrap();
    let found = load(&store, &kept).await;
    let is_sound = found.is_none_or(|found| found == kept || found.read::<String>().is_none());
    assert!(is_sound, "a damaged snapshot was taken for a good one");
    store.save(kept.clone()).await.unwrap();
    let newer = Snapshot { sequence: Sequence::new(4).unwrap(), ..kept.clone() };
    store.save(newer.clone()).await.unwrap();
    assert_eq!(load(&store, &kept).await, Some(newer));
    workload::verify(&store, Position::ZERO).await;
}

#[tokio::test]
async fn missing_file_is_made_anew() {
    survives(|path| fs::remove_file(path).unwrap()).await;
}

#[tokio::test]
async fn text_file_is_made_anew() {
    survives(|path| fs::write(path, "not a database".repeat(100)).unwrap()).await;
}

#[tokio::test]
async fn file_of_another_kind_is_made_anew() {
    survives(|path| {
        fs::remove_file(path).unwrap();
        let other = Connection::open(path).unwrap();
        other.execute_batch("CREATE TABLE snapshot (x); INSERT INTO snapshot VALUES (1)").unwrap();
    })
    .await;
}

#[tokio::test]
async fn cut_file_is_made_anew() {
    survives(|path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
    })
    .await;
}

#[tokio::test]
async fn damaged_file_never_gives_another_state() {
    for place in 1..12 {
        survives(|path| {
            let mut file = fs::read(path).unwrap();
            let at = file.len() * place / 12;
            file[at] ^= 1;
            fs::write(path, file).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn reader_finds_snapshots_and_keeps_none() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let kept = snapshot();
    let writer = SqliteStore::open(&path).unwrap();
    let reader = SqliteStore::options().read_only().open(&path).unwrap();
    assert_eq!(load(&reader, &kept).await, None);
    assert!(!folder.path().join("log.db-snapshot").exists(), "a reader has made a file");
    writer.save(kept.clone()).await.unwrap();
    assert_eq!(load(&reader, &kept).await, Some(kept.clone()));
    let refused = reader.save(kept).await.unwrap_err();
    assert_eq!(refused.0.to_string(), "the store was opened for reading only");
    assert_eq!(reader.head().await.unwrap(), Position::ZERO);
}

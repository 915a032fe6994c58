//! How long the write-ahead log becomes, whoever reads meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annals_core::{
    Append, AppendCondition, EventStore, EventType, Json, NewEvent, Position, Read, StreamId,
};
use annals_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::child::log_in;

const WAL_BYTES: u64 = 1024 * 1024;
const WRITERS: usize = 16;

async fn write(store: &Arc<SqliteStore>, appends_each: usize) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let stream = StreamId::new("writer", writer.to_string()).unwrap();
            let payload = Json::write("payload", &"x".repeat(1_000), 2_000).unwrap();
            for _ in 0..appends_each {
                let event_type = EventType::new("written").unwrap();
                let event = NewEvent::new(stream.clone(), event_type, 1, payload.clone()).unwrap();
                let append = Append::new(vec![event], AppendCondition::default(), None).unwrap();
                let _ = store.append(append).await.unwrap();
            }
        });
    }
    writers.join_all().await;
}

fn wal_bytes(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("log.db-wal")).unwrap().len()
}

/// Broke when the log could only begin anew in a moment without any reader: while scans followed
/// each other, it grew by all that was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_let_the_write_ahead_log_grow_without_end() {
    let folder = TempDir::new().unwrap();
    let options = SqliteStore::options().wal_bytes(WAL_BYTES);
    let store = Arc::new(options.open(log_in(folder.path())).unwrap());
    write(&store, 20).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut scans = JoinSet::new();
    for _ in 0..8 {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        scans.spawn(async move {
            let mut after = Position::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let page = store.read(Read::all().after(after).limit(200)).await.unwrap();
                after = if page.has_more { page.through } else { Position::ZERO };
            }
        });
    }
    write(&store, 1_000).await;
    is_over.store(true, Ordering::Relaxed);
    scans.join_all().await;
    let bytes = wal_bytes(folder.path());
    assert!(bytes < 12 * WAL_BYTES, "{bytes} bytes");
}

/// Broke when the writer waited for the reader anew after each batch, five seconds each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_transaction_of_another_process_does_not_stop_the_writer() {
    let folder = TempDir::new().unwrap();
    let path = log_in(folder.path());
    let store = Arc::new(SqliteStore::options().wal_bytes(WAL_BYTES).open(&path).unwrap());
    write(&store, 5).await;
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("BEGIN; SELECT count(*) FROM event;").unwrap();
    write(&store, 600).await;
    let held_back = wal_bytes(folder.path());
    assert!(held_back > 8 * WAL_BYTES, "{held_back} bytes do not make the writer try");
    foreign.execute_batch("COMMIT").unwrap();
    // All that is written now fits into what the log has grown to, many times over.
    write(&store, 600).await;
    let bytes = wal_bytes(folder.path());
    assert!(bytes < held_back + 4 * WAL_BYTES, "{held_back} bytes became {bytes}");
}

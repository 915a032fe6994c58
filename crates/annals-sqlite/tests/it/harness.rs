//! Logs in temporary folders, for the conformance suite and the tests beside it.

use std::path::PathBuf;
use std::sync::Arc;

use annals_core::{BoxFuture, Clock, EventStore, SnapshotStore};
use annals_sqlite::SqliteStore;
use annals_testing::conformance::{Harness, LogUnderTest, Tampering};
use rusqlite::Connection;
use tempfile::TempDir;

/// Makes logs on the machine's disk.
pub(crate) struct SqliteHarness;

struct SqliteLog {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    store: Option<Arc<SqliteStore>>,
    _folder: TempDir,
}

impl SqliteLog {
    fn open(&mut self) {
        let store = SqliteStore::options().clock(Arc::clone(&self.clock)).open(&self.path);
        self.store = Some(Arc::new(store.expect("the log can be opened")));
    }

    fn close(&mut self) {
        let store = self.store.take().expect("the log is open");
        let store = Arc::try_unwrap(store).expect("the caller has dropped its handles");
        store.close();
    }
}

impl Harness for SqliteHarness {
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let folder = TempDir::new().expect("there is room for temporary files");
            let path = folder.path().join("log.db");
            let mut log = SqliteLog { path, clock, store: None, _folder: folder };
            log.open();
            Box::new(log) as Box<dyn LogUnderTest>
        })
    }
}

impl LogUnderTest for SqliteLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone().expect("the log is open")
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(self.store.clone().expect("the log is open"))
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.close();
            self.open();
        })
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        Box::pin(async {
            let log = Connection::open(&self.path).expect("the file can be opened");
            let attempts = TAMPERINGS.iter().map(|sql| match log.execute_batch(sql) {
                Ok(()) => Tampering::carried_out(*sql),
                Err(_) => Tampering::refused(*sql),
            });
            attempts.collect()
        })
    }
}

/// Each of these would succeed on the same tables without their triggers, as
/// `tampering_is_refused_by_the_triggers_alone` shows.
pub(crate) const TAMPERINGS: &[&str] = &[
    "UPDATE event SET payload = '{}' WHERE position = 1",
    "UPDATE event SET position = 1000 WHERE position = 3",
    "UPDATE event SET timestamp = timestamp + 1",
    "DELETE FROM event WHERE position = 3",
    "DELETE FROM event",
    // The same place.
    "INSERT OR REPLACE INTO event SELECT position, aggregate_type, aggregate_id, sequence,
        event_type, event_version, event_id, '{}', metadata, tags, timestamp, checksum
        FROM event WHERE position = 1",
    "REPLACE INTO event SELECT position, aggregate_type, aggregate_id, sequence,
        event_type, event_version, event_id, '{}', metadata, tags, timestamp, checksum
        FROM event WHERE position = 3",
    // A new place in the log, the same place in the stream: replaces the row there.
    "INSERT OR REPLACE INTO event SELECT 4, aggregate_type, aggregate_id, sequence,
        event_type, event_version, event_id, '{}', metadata, tags, timestamp, checksum
        FROM event WHERE position = 1",
    // Holes.
    "INSERT INTO event SELECT 5, aggregate_type, aggregate_id, 3, event_type, event_version,
        event_id, payload, metadata, tags, timestamp, checksum FROM event WHERE position = 2",
    "INSERT INTO event SELECT 4, aggregate_type, aggregate_id, 4, event_type, event_version,
        event_id, payload, metadata, tags, timestamp, checksum FROM event WHERE position = 2",
    "INSERT INTO event SELECT 0, aggregate_type, 'new', 1, event_type, event_version,
        event_id, payload, metadata, tags, timestamp, checksum FROM event WHERE position = 2",
    "INSERT INTO event SELECT NULL, aggregate_type, aggregate_id, 7, event_type, event_version,
        event_id, payload, metadata, tags, timestamp, checksum FROM event WHERE position = 2",
    "UPDATE event_tag SET tag = 'owner:bob'",
    "DELETE FROM event_tag",
    "INSERT OR REPLACE INTO event_tag SELECT tag, position, 'other' FROM event_tag",
    "INSERT INTO event_tag VALUES ('owner:bob', 1, 'opened')",
    "UPDATE command SET count = count + 1",
    "DELETE FROM command",
    "INSERT OR REPLACE INTO command SELECT command_id, 2, 1 FROM command",
];

/// Without triggers every one of the statements above goes through: the refusals are theirs.
#[test]
fn tampering_is_refused_by_the_triggers_alone() {
    let schema = include_str!("../../src/sql/schema.sql");
    for sql in TAMPERINGS {
        let log = Connection::open_in_memory().unwrap();
        log.execute_batch(schema).unwrap();
        log.execute_batch(
            "INSERT INTO event VALUES
                (1, 'account', 'own', 1, 'opened', 1, x'01', '1', '{}', NULL, 1, 1);
            INSERT INTO event_tag VALUES ('owner:ann', 1, 'opened');
            INSERT INTO event VALUES
                (2, 'account', 'own', 2, 'closed', 1, x'02', '1', '{}', NULL, 1, 1);
            INSERT INTO event VALUES
                (3, 'account', 'other', 1, 'opened', 1, x'03', '1', '{}', NULL, 1, 1);
            INSERT INTO command VALUES (x'01', 1, 3);",
        )
        .unwrap();
        assert!(log.execute_batch(sql).is_err(), "carried out: {sql}");
        let triggers: Vec<String> = log
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            log.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        assert_eq!(log.execute_batch(sql), Ok(()), "refused without triggers: {sql}");
    }
}

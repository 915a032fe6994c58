//! The naive way, for comparison: load the stream, decide, insert, commit, one command at a time.
//!
//! The same SQLite with the same durability and a table of the same columns, used as tutorials do:
//! a connection behind a lock and a transaction for each command. It checks its sequence, so it is
//! correct; it gives up order guarantees for readers, command ids and checksums, which makes each
//! of its commits cheaper than ours.

use std::path::Path;
use std::sync::{Arc, Mutex};

use annals::{Aggregate, DomainEvent};
use rusqlite::{Connection, params};

use crate::domain::{Account, Command, Event};

pub(crate) struct Naive {
    connection: Mutex<Connection>,
}

const SCHEMA: &str = "
    CREATE TABLE event (
        position INTEGER PRIMARY KEY,
        aggregate_type TEXT NOT NULL,
        aggregate_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        event_type TEXT NOT NULL,
        event_version INTEGER NOT NULL,
        payload TEXT NOT NULL,
        metadata TEXT NOT NULL,
        timestamp TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
        UNIQUE (aggregate_type, aggregate_id, sequence)
    )";

impl Naive {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Arc<Self>> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Arc::new(Self { connection: Mutex::new(connection) }))
    }

    pub(crate) fn execute(&self, id: &str, command: Command) -> anyhow::Result<()> {
        let mut connection = self.connection.lock().expect("no panics inside");
        let (state, sequence) = load(&connection, id)?;
        let transaction = connection.transaction()?;
        for (event, sequence) in state.handle(command, &())?.iter().zip(sequence + 1..) {
            insert(&transaction, id, sequence, event)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// One transaction with all of `events`, as for a command that leads to many.
    pub(crate) fn append(&self, id: &str, events: &[Event]) -> anyhow::Result<()> {
        let mut connection = self.connection.lock().expect("no panics inside");
        let sequence = last_sequence(&connection, id)?;
        let transaction = connection.transaction()?;
        for (event, sequence) in events.iter().zip(sequence + 1..) {
            insert(&transaction, id, sequence, event)?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn load(&self, id: &str) -> anyhow::Result<Account> {
        let connection = self.connection.lock().expect("no panics inside");
        Ok(load(&connection, id)?.0)
    }

    /// Decodes every event; returns how many there are.
    pub(crate) fn scan(&self) -> anyhow::Result<u64> {
        let connection = self.connection.lock().expect("no panics inside");
        let mut statement =
            connection.prepare_cached("SELECT event_type, payload FROM event ORDER BY position")?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            decode(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?;
            count += 1;
        }
        Ok(count)
    }
}

fn load(connection: &Connection, id: &str) -> anyhow::Result<(Account, i64)> {
    let (mut state, mut sequence) = (Account::default(), 0);
    let mut statement = connection.prepare_cached(
        "SELECT sequence, event_type, payload FROM event
         WHERE aggregate_type = 'account' AND aggregate_id = ?1 ORDER BY sequence",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        sequence = row.get(0)?;
        state.apply(&decode(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?);
    }
    Ok((state, sequence))
}

fn last_sequence(connection: &Connection, id: &str) -> anyhow::Result<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(max(sequence), 0) FROM event
         WHERE aggregate_type = 'account' AND aggregate_id = ?1",
    )?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

fn insert(connection: &Connection, id: &str, sequence: i64, event: &Event) -> anyhow::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO event (aggregate_type, aggregate_id, sequence, event_type, event_version,
                            payload, metadata)
         VALUES ('account', ?1, ?2, ?3, 1, ?4, '{}')",
    )?;
    statement.execute(params![id, sequence, event.kind().name, event.write_payload()?])?;
    Ok(())
}

fn decode(event_type: &str, payload: &str) -> anyhow::Result<Event> {
    let kind = Event::find_kind(event_type).ok_or_else(|| anyhow::anyhow!("{event_type}"))?;
    Ok(Event::read_payload(kind, payload)?)
}

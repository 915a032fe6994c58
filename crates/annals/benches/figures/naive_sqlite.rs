//! The naive way on SQLite: load the stream, decide, insert, commit, one command at a time.
//!
//! The same SQLite with the same durability and a table of the same columns, used as tutorials do:
//! a connection behind a lock and a transaction for each command. It checks its sequence, so it is
//! correct; it gives up order guarantees for readers, command ids and checksums, which makes each
//! of its commits cheaper than ours.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use annals::{Aggregate, BoxFuture, DomainEvent};
use rusqlite::{Connection, params};

use crate::domain::{Account, Command, Event};
use crate::subject::{Subject, blocking};

pub(crate) struct NaiveSqlite(Arc<Naive>);

struct Naive {
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

impl NaiveSqlite {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Arc<dyn Subject>> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Arc::new(Self(Arc::new(Naive { connection: Mutex::new(connection) }))))
    }

    fn execute(&self, id: String, command: Command) -> BoxFuture<'_, anyhow::Result<()>> {
        blocking(&self.0, move |naive| naive.execute(&id, command))
    }
}

impl Subject for NaiveSqlite {
    fn open_account(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        self.execute(id, Command::Open { owner_name: "Ada Lovelace".to_owned() })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        self.execute(id, Command::Deposit { amount: 100 })
    }

    fn append(&self, id: String, count: usize) -> BoxFuture<'_, anyhow::Result<()>> {
        let events: Vec<Event> = (0..count).map(|_| Event::deposit()).collect();
        blocking(&self.0, move |naive| naive.append(&id, &events))
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        blocking(&self.0, move |naive| Ok(load(&naive.lock(), &id)?.0.balance))
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        blocking(&self.0, Naive::scan)
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        blocking(&self.0, |naive| {
            let count = "SELECT count(*) FROM event";
            Ok(naive.lock().query_row(count, [], |row| row.get::<_, i64>(0))?.try_into()?)
        })
    }
}

impl Naive {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("no panics inside")
    }

    fn execute(&self, id: &str, command: Command) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let (state, sequence) = load(&connection, id)?;
        let transaction = connection.transaction()?;
        for (event, sequence) in state.handle(command, &())?.iter().zip(sequence + 1..) {
            insert(&transaction, id, sequence, event)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// One transaction with all of `events`, as for a command that leads to many.
    fn append(&self, id: &str, events: &[Event]) -> anyhow::Result<()> {
        let mut connection = self.lock();
        let sequence = last_sequence(&connection, id)?;
        let transaction = connection.transaction()?;
        for (event, sequence) in events.iter().zip(sequence + 1..) {
            insert(&transaction, id, sequence, event)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Decodes every event; returns how many there are.
    fn scan(&self) -> anyhow::Result<u64> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT event_type, payload FROM event ORDER BY position")?;
        let mut rows = statement.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            Event::decode(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?;
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
        state.apply(&Event::decode(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?);
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

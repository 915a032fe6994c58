//! Logs on PostgreSQL for the conformance suite.

use std::sync::Arc;

use annals_core::{BoxFuture, Clock, EventStore, SnapshotStore};
use annals_postgres::PostgresStore;
use annals_testing::conformance::{Harness, LogUnderTest, Tampering};
use tokio_postgres::error::SqlState;

use crate::database::Database;

/// Each log in a database of its own, opened with the rights of an application.
#[derive(Debug, Default)]
pub(crate) struct PostgresHarness;

#[derive(Debug)]
struct PostgresLog {
    store: Option<Arc<PostgresStore>>,
    database: Database,
}

impl Harness for PostgresHarness {
    fn create(&self, _clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let database = Database::with_log().await;
            let store = Some(open(&database).await);
            Box::new(PostgresLog { store, database }) as Box<dyn LogUnderTest>
        })
    }
}

async fn open(database: &Database) -> Arc<PostgresStore> {
    let store = PostgresStore::open(database.application_options()).await;
    Arc::new(store.expect("a log with its rights can be opened"))
}

impl PostgresLog {
    fn open_store(&self) -> Arc<PostgresStore> {
        self.store.clone().expect("it is only closed while it is opened again")
    }
}

impl LogUnderTest for PostgresLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.open_store()
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(self.open_store())
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store = None;
            self.store = Some(open(&self.database).await);
        })
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        Box::pin(async {
            let mut attempts = Vec::new();
            let application = self.database.session("app").await;
            let owner = self.database.owner().await;
            for statement in TAMPERING {
                for (who, session) in [("application", &application), ("owner", &owner)] {
                    let outcome = session.batch_execute(statement).await;
                    let code = outcome.err().and_then(|error| error.code().cloned());
                    let attempt = format!("{who}: {statement}");
                    attempts.push(match code {
                        Some(SqlState::INSUFFICIENT_PRIVILEGE) => Tampering::refused(attempt),
                        _ => Tampering::carried_out(attempt),
                    });
                }
            }
            attempts
        })
    }
}

/// What changes or removes what is written, for the application and for the owner.
const TAMPERING: &[&str] = &[
    "UPDATE annals.event SET payload = '{}'",
    "UPDATE annals.event SET position = position + 1000",
    "UPDATE annals.event SET tags = NULL WHERE false",
    "DELETE FROM annals.event",
    "DELETE FROM annals.event WHERE position = 1",
    "TRUNCATE annals.event",
    "TRUNCATE annals.event, annals.event_tag, annals.command",
    "INSERT INTO annals.event SELECT * FROM annals.event \
     ON CONFLICT (position) DO UPDATE SET payload = '{}'",
    "UPDATE annals.event_tag SET tag = 'owner:eve'",
    "DELETE FROM annals.event_tag",
    "TRUNCATE annals.event_tag",
    "UPDATE annals.command SET count = 0",
    "DELETE FROM annals.command",
    "TRUNCATE annals.command",
    "UPDATE annals.head SET singleton = true",
    "UPDATE annals.head SET log_id = gen_random_uuid()",
    "DELETE FROM annals.head",
    "TRUNCATE annals.head",
];

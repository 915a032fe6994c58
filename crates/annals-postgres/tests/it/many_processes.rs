//! Several handles on one log, each of which knows nothing of the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_core::{
    Append, AppendError, Appended, BoxFuture, Clock, CommandId, EventStore, LogId, Page, Position,
    Read, ReadError,
};
use annals_postgres::PostgresStore;
use annals_testing::conformance::{
    CHECK_TIME_MAX, Check, EVENT_STORE_CHECKS, Harness, LogUnderTest, Tampering, run,
};

use crate::database::Database;

/// Handles on each log; every call goes to the next one.
const HANDLES: usize = 3;

/// Checks of what several handles together do not promise: appends are taken in the order of the
/// handle they are made on, and a handle that knows a head past the one asked for does not look
/// whether another handle has got further.
const OF_ONE_HANDLE: [&str; 3] = [
    "appends_are_taken_in_the_order_they_are_first_polled",
    "g5_expected_event_must_be_that_very_event",
    "g11_waiting_misses_no_news",
];

/// Logs that several handles write to in turn.
#[derive(Debug, Default)]
struct ManyHandles;

#[derive(Debug)]
struct Log {
    store: Option<Arc<InTurn>>,
    database: Database,
}

#[derive(Debug)]
struct InTurn {
    handles: Vec<PostgresStore>,
    next: AtomicUsize,
}

impl InTurn {
    async fn open(database: &Database) -> Arc<Self> {
        let mut handles = Vec::new();
        for _ in 0..HANDLES {
            let handle = PostgresStore::open(database.application_options()).await;
            handles.push(handle.expect("a log with its rights can be opened"));
        }
        Arc::new(Self { handles, next: AtomicUsize::new(0) })
    }

    fn next(&self) -> &PostgresStore {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.handles.get(next % self.handles.len()).expect("the remainder is an index")
    }
}

impl EventStore for InTurn {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.next().append(append)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.next().read(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.next().head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.next().wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        self.next().find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.next().log_id()
    }
}

impl Harness for ManyHandles {
    fn create(&self, _clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let database = Database::with_log().await;
            let store = Some(InTurn::open(&database).await);
            Box::new(Log { store, database }) as Box<dyn LogUnderTest>
        })
    }
}

impl LogUnderTest for Log {
    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone().expect("it is only closed while it is opened again")
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store = None;
            self.store = Some(InTurn::open(&self.database).await);
        })
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        // What the database refuses does not depend on how many have it open.
        Box::pin(async { Vec::new() })
    }
}

fn checks() -> impl Iterator<Item = (&'static str, Check)> {
    let checks = EVENT_STORE_CHECKS.iter().copied();
    checks.filter(|(name, _)| !OF_ONE_HANDLE.contains(name))
}

#[test]
fn every_guarantee_holds_for_several_handles_together() {
    let names: Vec<&str> = checks().map(|(name, _)| name).collect();
    assert_eq!(names.len() + OF_ONE_HANDLE.len(), EVENT_STORE_CHECKS.len());
    for (name, check) in checks() {
        println!("{name}");
        run(check, &ManyHandles, CHECK_TIME_MAX);
    }
}

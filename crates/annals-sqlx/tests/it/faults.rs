//! Connections that end in the middle, writers in each other's way, servers that say nothing.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Advance, ApplyError, BoxError, EventEnvelope, Generations, Hosts, IfBehind, Lease, Projection,
    WorkerId,
};
use annals_sqlx::{PostgresProjection, PostgresReadModels, ReadModelsOptions};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{Barrier, Notify};

use crate::accounts::{
    AccountEvent, Amounts, Balances, Eight, amounts, apply, at, balances, begin, claim, leased,
    try_claim,
};
use crate::database::{Database, execute};
use crate::proxy::{COMMIT, Cut, Proxy};

/// Words of each statement of a batch, in their order.
const STEPS: [&str; 5] = [
    "BEGIN",
    "Locks the partitions that are to move",
    "INSERT INTO balance",
    "Moves partitions that are locked",
    COMMIT,
];

async fn open_through(proxy: &Proxy) -> PostgresReadModels {
    let options = ReadModelsOptions::from_url(proxy.url()).expect("the URL is right");
    PostgresReadModels::open(options).await.expect("the proxy forwards")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_connection_ends_at_any_step_is_applied_by_the_retry() {
    let database = Database::create().await;
    let near = database.open().await;
    let (key, mut lease) = leased(&near).await;
    let mut own = database.connect().await;
    for (count, words) in (1..).zip(STEPS) {
        let proxy = Proxy::to(&database.url()).await;
        let far = open_through(&proxy).await;
        proxy.cut(Cut::Before(words));
        let to = at(count);
        let cut = apply(&far, &lease, amounts([("a", 1)]), to).await;
        assert!(matches!(cut, Err(ApplyError::Unavailable { .. })), "{words}: {cut:?}");
        lease = apply(&far, &lease, amounts([("a", 1)]), to).await.unwrap();
        assert_eq!(
            balances(&mut own, &key).await,
            [("a".to_owned(), i64::try_from(count).unwrap())]
        );
    }
}

/// What broke elsewhere: a commit whose answer is lost is taken for a failure, and the batch is
/// applied twice. What holds now: the retry is refused, and whoever claims again finds it done.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_commit_has_no_answer_is_not_applied_twice() {
    let database = Database::create().await;
    let near = database.open().await;
    let (key, lease) = leased(&near).await;
    let proxy = Proxy::to(&database.url()).await;
    let far = open_through(&proxy).await;
    proxy.cut(Cut::AnswerTo(COMMIT));
    let to = at(3);
    let unknown = apply(&far, &lease, amounts([("a", 5)]), to).await;
    assert!(matches!(unknown, Err(ApplyError::Unavailable { .. })), "{unknown:?}");
    let again = apply(&far, &lease, amounts([("a", 5)]), to).await;
    assert!(matches!(again, Err(ApplyError::Fenced)), "{again:?}");
    let claimed = claim(&far, &key, lease.worker).await;
    assert_eq!(claimed[0].checkpoint, to);
    apply(&far, &claimed[0], amounts([("a", 1)]), at(4)).await.unwrap();
    assert_eq!(balances(&mut database.connect().await, &key).await, [("a".to_owned(), 6)]);
}

/// Balances, whose writing waits for the test in the middle.
struct Gated {
    balances: Arc<Balances<Eight>>,
    /// The first account of the changes has been written.
    is_inside: Notify,
    go_on: Notify,
}

impl Gated {
    fn new() -> Arc<Self> {
        let (is_inside, go_on) = (Notify::new(), Notify::new());
        Arc::new(Self { balances: Balances::new(), is_inside, go_on })
    }
}

impl Projection for Gated {
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = AccountEvent;
    type Changes = Amounts;

    fn project(
        &self,
        event: EventEnvelope<AccountEvent>,
        to: &mut Amounts,
    ) -> Result<(), BoxError> {
        self.balances.project(event, to)
    }
}

impl PostgresProjection for Gated {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        self.balances.create(tables).await
    }

    async fn write(&self, tables: &mut PgConnection, changes: &Amounts) -> Result<(), BoxError> {
        self.balances.write(&mut *tables, changes).await?;
        self.is_inside.notify_one();
        self.go_on.notified().await;
        sqlx::query("SELECT 1").execute(tables).await?;
        Ok(())
    }
}

fn advance(leases: &[Lease]) -> Advance {
    Advance { leases: leases.to_vec(), to: at(1), applied: Vec::new(), queued: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_in_the_middle_of_a_batch_leaves_nothing() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let gated = Gated::new();
    let key = begin(&read_models, Arc::clone(&gated)).await.key;
    let leases = claim(&read_models, &key, WorkerId::new()).await;
    let mut own = database.connect().await;
    let applying = read_models.apply(Arc::clone(&gated), amounts([("a", 1)]), advance(&leases));
    let ending = async {
        gated.is_inside.notified().await;
        execute(
            &mut own,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND state = 'idle in transaction'",
        )
        .await;
        gated.go_on.notify_one();
    };
    let (applied, ()) = tokio::join!(applying, ending);
    assert!(matches!(applied, Err(ApplyError::Unavailable { .. })), "{applied:?}");
    assert_eq!(balances(&mut own, &key).await, []);
    gated.go_on.notify_one();
    read_models.apply(gated, amounts([("a", 1)]), advance(&leases)).await.unwrap();
    assert_eq!(balances(&mut own, &key).await, [("a".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_given_up_in_the_middle_leaves_nothing() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let gated = Gated::new();
    let key = begin(&read_models, Arc::clone(&gated)).await.key;
    let leases = claim(&read_models, &key, WorkerId::new()).await;
    let applying = read_models.apply(Arc::clone(&gated), amounts([("a", 1)]), advance(&leases));
    tokio::select! {
        _ = applying => panic!("it waits for the test"),
        () = gated.is_inside.notified() => {}
    }
    gated.go_on.notify_one();
    read_models.apply(gated, amounts([("a", 1)]), advance(&leases)).await.unwrap();
    assert_eq!(balances(&mut database.connect().await, &key).await, [("a".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_claim_waits_for_a_batch_that_is_being_written() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let gated = Gated::new();
    let key = begin(&read_models, Arc::clone(&gated)).await.key;
    let (worker, other) = (WorkerId::new(), WorkerId::new());
    let leases = claim(&read_models, &key, worker).await;
    let applying = read_models.apply(Arc::clone(&gated), amounts([("a", 1)]), advance(&leases));
    let claiming = async {
        gated.is_inside.notified().await;
        // The batch holds all eight partitions: none can be given back, none can be had.
        assert_eq!(claim(&read_models, &key, other).await, []);
        assert_eq!(claim(&read_models, &key, worker).await.len(), 8);
        gated.go_on.notify_one();
    };
    let (applied, ()) = tokio::join!(applying, claiming);
    applied.unwrap();
    assert_eq!(claim(&read_models, &key, worker).await.len(), 4);
    assert_eq!(claim(&read_models, &key, other).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_batches_as_there_are_connections_leave_one_for_leases() {
    let database = Database::create().await;
    let options = database.options().connections_max(4).acquire_timeout(Duration::from_millis(500));
    let read_models = PostgresReadModels::open(options).await.unwrap();
    let gated = Gated::new();
    let key = begin(&read_models, Arc::clone(&gated)).await.key;
    let worker = WorkerId::new();
    let leases = claim(&read_models, &key, worker).await;
    let apply = |number: usize| {
        let advance = advance(&leases[number..=number]);
        read_models.apply(Arc::clone(&gated), amounts([("a", 1)]), advance)
    };
    let claiming = async {
        gated.is_inside.notified().await;
        assert_eq!(claim(&read_models, &key, worker).await.len(), 8);
        for _ in 0..2 {
            gated.go_on.notify_one();
            gated.is_inside.notified().await;
        }
        gated.go_on.notify_one();
    };
    let (one, two, three, ()) = tokio::join!(apply(0), apply(1), apply(2), claiming);
    for applied in [one, two, three] {
        applied.unwrap();
    }
    assert_eq!(balances(&mut database.connect().await, &key).await, [("a".to_owned(), 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_not_taken_over_while_its_batch_is_being_written() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let gated = Gated::new();
    let key = begin(&read_models, Arc::clone(&gated)).await.key;
    let leases = claim(&read_models, &key, WorkerId::new()).await;
    let mut own = database.connect().await;
    execute(&mut own, "UPDATE annals_read.partition SET leased_until = '-infinity'").await;
    execute(&mut own, "UPDATE annals_read.worker SET heard_until = '-infinity'").await;
    let heir = WorkerId::new();
    let applying = read_models.apply(Arc::clone(&gated), amounts([("a", 1)]), advance(&leases));
    let claiming = async {
        gated.is_inside.notified().await;
        assert_eq!(claim(&read_models, &key, heir).await, []);
        gated.go_on.notify_one();
    };
    let (applied, ()) = tokio::join!(applying, claiming);
    applied.unwrap();
    // The batch has renewed the leases.
    assert_eq!(claim(&read_models, &key, heir).await, []);
}

/// Two rows, written in another order by each worker.
struct Crossing {
    balances: Arc<Balances<Eight>>,
    is_first_written: Barrier,
}

impl Projection for Crossing {
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 2;
    type Event = AccountEvent;
    type Changes = Vec<&'static str>;

    fn project(
        &self,
        _event: EventEnvelope<AccountEvent>,
        _changes: &mut Vec<&'static str>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

impl PostgresProjection for Crossing {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        self.balances.create(tables).await
    }

    async fn write(
        &self,
        tables: &mut PgConnection,
        accounts: &Vec<&'static str>,
    ) -> Result<(), BoxError> {
        let is_first = self.is_first_written.wait();
        let [first, second] = accounts.as_slice() else { return Ok(()) };
        self.balances.write(&mut *tables, &amounts([(first, 1)])).await?;
        is_first.await;
        self.balances.write(tables, &amounts([(second, 1)])).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_block_each_other_are_told_to_try_again() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let crossing =
        Arc::new(Crossing { balances: Balances::new(), is_first_written: Barrier::new(2) });
    let key = begin(&read_models, Arc::clone(&crossing)).await.key;
    let leases = claim(&read_models, &key, WorkerId::new()).await;
    let apply = |number: usize, accounts: Vec<&'static str>| {
        let advance = advance(&leases[number..=number]);
        read_models.apply(Arc::clone(&crossing), Arc::new(accounts), advance)
    };
    let (one, other) = tokio::join!(apply(0, vec!["a", "b"]), apply(1, vec!["b", "a"]));
    // The server ends one of them, which one is not known.
    let outcomes = [one, other];
    let ended: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(
        matches!(ended.as_slice(), [ApplyError::Unavailable { .. }]),
        "one of both: {outcomes:?}"
    );
    assert_eq!(
        balances(&mut database.connect().await, &key).await,
        [("a".to_owned(), 1), ("b".to_owned(), 1)]
    );
}

/// Notes the settings under which rows are written.
struct Settings;

impl Projection for Settings {
    const NAME: &'static str = "settings";
    const VERSION: u32 = 1;
    type Event = AccountEvent;
    type Changes = ();

    fn project(&self, _event: EventEnvelope<AccountEvent>, (): &mut ()) -> Result<(), BoxError> {
        Ok(())
    }
}

impl PostgresProjection for Settings {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE TABLE setting (name text PRIMARY KEY, setting text)")
            .execute(tables)
            .await?;
        Ok(())
    }

    async fn write(&self, tables: &mut PgConnection, (): &()) -> Result<(), BoxError> {
        // Savepoints are allowed, and end nothing.
        let mut savepoint = tables.begin().await?;
        sqlx::raw_sql("INSERT INTO setting VALUES ('a', '')").execute(&mut *savepoint).await?;
        savepoint.rollback().await?;
        let mut savepoint = tables.begin().await?;
        sqlx::raw_sql(
            "INSERT INTO setting SELECT name, setting FROM pg_settings WHERE name IN \
             ('synchronous_commit', 'idle_in_transaction_session_timeout', 'lock_timeout')",
        )
        .execute(&mut *savepoint)
        .await?;
        savepoint.commit().await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_waits_for_no_disk_and_a_stopped_process_does_not_keep_its_partitions() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let key = begin(&read_models, Arc::new(Settings)).await.key;
    let leases = claim(&read_models, &key, WorkerId::new()).await;
    read_models.apply(Arc::new(Settings), Arc::new(()), advance(&leases)).await.unwrap();
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    let mut tables = read_models.read("settings").await.unwrap();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, setting FROM setting ORDER BY name")
            .fetch_all(&mut *tables)
            .await
            .unwrap();
    let rows: Vec<_> = rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("idle_in_transaction_session_timeout", "10000"),
            ("lock_timeout", "10000"),
            ("synchronous_commit", "off")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up() {
    let database = Database::create().await;
    let options = database.options().operation_timeout(Duration::from_millis(200));
    let read_models = PostgresReadModels::open(options).await.unwrap();
    let (key, lease) = leased(&read_models).await;
    let mut own = database.connect().await;
    execute(&mut own, "BEGIN; LOCK TABLE annals_read.worker, annals_read.partition").await;
    let claimed =
        try_claim(&read_models, &key, lease.worker, Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(claimed, annals_core::ReadModelsError::Unavailable { .. }), "{claimed:?}");
    let applied = apply(&read_models, &lease, amounts([("a", 1)]), at(1)).await;
    assert!(matches!(applied, Err(ApplyError::Unavailable { .. })), "{applied:?}");
    execute(&mut own, "COMMIT").await;
    let near = database.open().await;
    apply(&near, &lease, amounts([("a", 1)]), at(1)).await.unwrap();
    assert_eq!(balances(&mut own, &key).await, [("a".to_owned(), 1)]);
}

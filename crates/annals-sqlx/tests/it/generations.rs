//! Generations have a schema each, and queries are answered from the one that serves.

use annals_core::{
    Advance, BoxError, EventEnvelope, GenerationKey, Generations, Hosts, IfBehind, LogId,
    NewGeneration, Projection, ReadModelsError, WorkerId,
};
use annals_sqlx::{PostgresProjection, PostgresReadModels};
use sqlx::postgres::PgConnection;

use crate::accounts::{
    AccountEvent, Balances, Kind, One, amounts, apply, at, begin, claim, leased,
};
use crate::database::{Database, execute};

async fn refusal<K: Kind>(read_models: &PostgresReadModels) -> String {
    let new = NewGeneration { log_id: LogId::new() };
    match read_models.create(Balances::<K>::new(), new).await {
        Err(ReadModelsError::Refused { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_it_reaches_a_statement() {
    struct Injection;
    impl Kind for Injection {
        const NAME: &'static str = "x\"; DROP SCHEMA annals_read CASCADE; --";
    }
    struct Upper;
    impl Kind for Upper {
        const NAME: &'static str = "Balances";
    }
    let database = Database::create().await;
    let read_models = database.open().await;
    assert!(refusal::<Injection>(&read_models).await.contains("is no name of a projection"));
    assert!(refusal::<Upper>(&read_models).await.contains("is no name of a projection"));
    assert_eq!(read_models.generations().await.unwrap(), []);
    let key = GenerationKey { projection: Injection::NAME.to_owned(), number: 1 };
    assert!(read_models.retire(&key).await.is_err());
    assert!(read_models.read(Injection::NAME).await.is_err());
    assert!(read_models.status(&key).await.is_err());
}

#[tokio::test]
async fn a_schema_of_somebody_else_is_not_touched() {
    struct Reserved;
    impl Kind for Reserved {
        const NAME: &'static str = "pg_balances";
    }
    let database = Database::create().await;
    let read_models = database.open().await;
    let mut own = database.connect().await;
    execute(&mut own, "CREATE SCHEMA balances_1; CREATE TABLE balances_1.mine ()").await;
    assert!(refusal::<One>(&read_models).await.contains("already exists"));
    assert!(refusal::<Reserved>(&read_models).await.contains("unacceptable"));
    assert_eq!(read_models.generations().await.unwrap(), []);
    execute(&mut own, "DROP TABLE balances_1.mine; DROP SCHEMA balances_1").await;
    assert_eq!(begin(&read_models, Balances::<One>::new()).await.key.number, 1);
}

#[tokio::test]
async fn names_that_continue_each_other_are_kept_apart() {
    struct Short;
    impl Kind for Short {
        const NAME: &'static str = "balances_1";
    }
    let database = Database::create().await;
    let read_models = database.open().await;
    let long = begin(&read_models, Balances::<One>::new()).await.key;
    let short = begin(&read_models, Balances::<Short>::new()).await.key;
    read_models.retire(&long).await.unwrap();
    read_models.switch(&short, IfBehind::Refuse).await.unwrap();
    let mut tables = read_models.read("balances_1").await.unwrap();
    sqlx::query("SELECT amount FROM balance").fetch_all(&mut *tables).await.unwrap();
}

#[tokio::test]
async fn retiring_removes_the_schema() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let key = begin(&read_models, Balances::<One>::new()).await.key;
    read_models.retire(&key).await.unwrap();
    let left: bool = sqlx::query_scalar("SELECT to_regnamespace('balances_1') IS NOT NULL")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert!(!left);
}

#[tokio::test]
async fn finishing_makes_indexes_and_may_be_asked_again() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let key = begin(&read_models, Balances::<One>::new()).await.key;
    for _ in 0..2 {
        read_models.finish(Balances::<One>::new(), &key).await.unwrap();
    }
    let index: bool =
        sqlx::query_scalar("SELECT to_regclass('balances_1.balance_amount_idx') IS NOT NULL")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
    assert!(index);
    let gone = GenerationKey { number: 9, ..key };
    let refused = read_models.finish(Balances::<One>::new(), &gone).await;
    assert!(matches!(refused, Err(ReadModelsError::NotFound { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_query_sees_one_state_and_says_how_new_it_is() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, lease) = leased(&read_models).await;
    let lease = apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await.unwrap();
    let none = read_models.read("balances").await;
    assert!(matches!(none, Err(ReadModelsError::NotFound { .. })), "{none:?}");
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    let mut before = read_models.read("balances").await.unwrap();
    apply(&read_models, &lease, amounts([("a", 1)]), at(4)).await.unwrap();
    let mut after = read_models.read("balances").await.unwrap();
    for (tables, position, amount) in [(&mut before, 3, 5), (&mut after, 4, 6)] {
        let found: i64 = sqlx::query_scalar("SELECT amount FROM balance")
            .fetch_one(&mut **tables)
            .await
            .unwrap();
        let seen = tables.seen(found);
        assert_eq!((seen.position.get(), seen.value), (position, amount));
        assert_eq!(seen.generation, key);
    }
}

#[tokio::test]
async fn a_query_cannot_write() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (key, _) = leased(&read_models).await;
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    let mut tables = read_models.read("balances").await.unwrap();
    let refused = sqlx::query("DELETE FROM balance").execute(&mut *tables).await.unwrap_err();
    let code = refused.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("25006"));
}

#[tokio::test]
async fn another_role_finds_the_tables_the_way_the_documentation_says() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let mut own = database.connect().await;
    // A role that every server has stands for `reporting`.
    execute(
        &mut own,
        "GRANT USAGE ON SCHEMA annals_read TO pg_monitor;
         GRANT SELECT ON annals_read.generation TO pg_monitor;
         ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO pg_monitor;
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor",
    )
    .await;
    let (key, lease) = leased(&read_models).await;
    apply(&read_models, &lease, amounts([("a", 5)]), at(3)).await.unwrap();
    read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    execute(
        &mut own,
        "SET ROLE pg_monitor;
         SELECT set_config('search_path', projection || '_' || number, false)
         FROM annals_read.generation WHERE projection = 'balances' AND state = 'serving'",
    )
    .await;
    let amount: i64 =
        sqlx::query_scalar("SELECT amount FROM balance").fetch_one(&mut own).await.unwrap();
    assert_eq!(amount, 5);
    assert!(sqlx::query("DELETE FROM balance").execute(&mut own).await.is_err());
}

/// A projection whose table has another type in each version.
#[derive(Debug, Clone, Copy)]
struct Typed(&'static str);

impl Projection for Typed {
    const NAME: &'static str = "typed";
    const VERSION: u32 = 1;
    type Event = AccountEvent;
    type Changes = ();

    fn project(&self, _event: EventEnvelope<AccountEvent>, (): &mut ()) -> Result<(), BoxError> {
        Ok(())
    }
}

impl PostgresProjection for Typed {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(self.0).execute(tables).await?;
        Ok(())
    }

    async fn write(&self, tables: &mut PgConnection, (): &()) -> Result<(), BoxError> {
        sqlx::query("SELECT value FROM typed").fetch_all(tables).await?;
        Ok(())
    }
}

const TYPES: [Typed; 2] =
    [Typed("CREATE TABLE typed (value integer)"), Typed("CREATE TABLE typed (value text)")];

/// What broke elsewhere: a connection remembers a statement as it was prepared for the tables of
/// another generation, and is refused. What holds now: another connection is asked.
#[tokio::test]
async fn workers_do_not_stumble_over_what_connections_remember() {
    let database = Database::create().await;
    let read_models =
        PostgresReadModels::open(database.options().connections_max(4)).await.unwrap();
    for typed in TYPES {
        let key = begin(&read_models, typed.into()).await.key;
        let leases = claim(&read_models, &key, WorkerId::new()).await;
        let advance = Advance { leases, to: at(1), applied: vec![1], queued: Vec::new() };
        read_models.apply(typed.into(), ().into(), advance).await.unwrap();
        read_models.switch(&key, IfBehind::Refuse).await.unwrap();
    }
}

#[tokio::test]
async fn queries_do_not_stumble_over_what_connections_remember() {
    let database = Database::create().await;
    let read_models =
        PostgresReadModels::open(database.options().connections_max(4)).await.unwrap();
    for typed in TYPES {
        let key = begin(&read_models, typed.into()).await.key;
        let leases = claim(&read_models, &key, WorkerId::new()).await;
        let advance = Advance { leases, to: at(1), applied: vec![1], queued: Vec::new() };
        read_models.apply(typed.into(), ().into(), advance).await.unwrap();
        read_models.switch(&key, IfBehind::Refuse).await.unwrap();
        let mut tables = read_models.read("typed").await.unwrap();
        sqlx::query("SELECT value FROM typed").fetch_all(&mut *tables).await.unwrap();
    }
}

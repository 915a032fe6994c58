//! Two generations are compared row by row, whatever their tables.

use std::sync::Arc;

use annals_core::{
    Advance, BoxError, Comparison, EventEnvelope, GenerationKey, Generations, Hosts, IfBehind,
    Lease, Projection, ReadModelsError, WorkerId,
};
use annals_sqlx::{PostgresProjection, PostgresReadModels};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::accounts::{AccountEvent, at, begin, claim};
use crate::database::Database;

/// Tables by the statement that makes them, rows by the statements that write them.
struct Free(&'static str);

impl Projection for Free {
    const NAME: &'static str = "free";
    const VERSION: u32 = 1;
    type Event = AccountEvent;
    type Changes = String;

    fn project(&self, _: EventEnvelope<AccountEvent>, _: &mut String) -> Result<(), BoxError> {
        Ok(())
    }
}

impl PostgresProjection for Free {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(self.0).execute(tables).await?;
        Ok(())
    }

    async fn write(&self, tables: &mut PgConnection, changes: &String) -> Result<(), BoxError> {
        sqlx::raw_sql(AssertSqlSafe(changes.as_str())).execute(tables).await?;
        Ok(())
    }
}

/// Names that have to be quoted, a key of two columns, a type of the schema's own, values of all
/// kinds.
const TABLES: &str = "
    CREATE TYPE grade AS ENUM ('low', 'high');
    CREATE TABLE \"Odd \"\"Name\" (
        \"the key\" text, part integer, grade grade, amount numeric, note text, at timestamptz,
        PRIMARY KEY (\"the key\", part)
    );
    CREATE TABLE other (id bigint PRIMARY KEY, body json)";

const ROWS: &str = "
    INSERT INTO \"Odd \"\"Name\" VALUES
        ('a, b', 1, 'low', 1.50, NULL, '2026-01-02 03:04:05.678901+00'),
        ('a', 2, 'high', 0, '', NULL);
    INSERT INTO other SELECT number, '{\"a\": 1}' FROM generate_series(1, 1000) AS number";

/// A generation with these rows, and the lease on it.
async fn build(
    read_models: &PostgresReadModels,
    tables: &'static str,
    rows: &str,
) -> (GenerationKey, Lease) {
    let projection = Arc::new(Free(tables));
    let key = begin(read_models, Arc::clone(&projection)).await.key;
    let leases = claim(read_models, &key, WorkerId::new()).await;
    let lease = leases.first().cloned().expect("there is one partition");
    let advance = Advance { leases, to: at(5), applied: vec![1], queued: Vec::new() };
    read_models
        .apply(projection, Arc::new(rows.to_owned()), advance)
        .await
        .expect("rows are right");
    (key, lease)
}

async fn compare(
    read_models: &PostgresReadModels,
    tables: &'static str,
    rows: &str,
) -> Result<Option<Comparison>, ReadModelsError> {
    let (serving, _) = build(read_models, TABLES, ROWS).await;
    read_models.switch(&serving, IfBehind::Refuse).await.expect("none serves");
    let (other, _) = build(read_models, tables, rows).await;
    read_models.compare(&serving, &other).await
}

#[tokio::test]
async fn equal_rows_are_equal_in_any_order() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let backwards = "
        INSERT INTO other
        SELECT number, '{\"a\": 1}' FROM generate_series(1000, 1, -1) AS number;
        INSERT INTO \"Odd \"\"Name\" VALUES
            ('a', 2, 'high', 0, '', NULL),
            ('a, b', 1, 'low', 1.50, NULL, '2026-01-02 03:04:05.678901+00')";
    let compared = compare(&read_models, TABLES, backwards).await.unwrap().unwrap();
    assert!(compared.is_equal(), "{compared:?}");
    assert_eq!(compared.position.get(), 5);
    let tables: Vec<_> = compared.tables.iter().map(|t| (t.table.as_str(), t.rows)).collect();
    assert_eq!(tables, [("Odd \"Name", (2, 2)), ("other", (1000, 1000))]);
}

#[tokio::test]
async fn a_row_that_differs_or_is_missing_is_named_by_its_key() {
    for (change, table, keys) in [
        ("UPDATE \"Odd \"\"Name\" SET note = '' WHERE part = 1", 0, vec!["a, b, 1"]),
        ("UPDATE \"Odd \"\"Name\" SET note = NULL WHERE part = 2", 0, vec!["a, 2"]),
        ("UPDATE \"Odd \"\"Name\" SET amount = 1.5 WHERE part = 1", 0, vec!["a, b, 1"]),
        ("DELETE FROM other WHERE id = 7", 1, vec!["7"]),
        ("INSERT INTO other VALUES (1001, '{}')", 1, vec!["1001"]),
        ("UPDATE other SET id = 2000 WHERE id = 3", 1, vec!["2000", "3"]),
        ("UPDATE other SET body = '{\"a\":1}' WHERE id = 4", 1, vec!["4"]),
    ] {
        let database = Database::create().await;
        let read_models = database.open().await;
        let rows = format!("{ROWS};{change}");
        let compared = compare(&read_models, TABLES, &rows).await.unwrap().unwrap();
        assert!(!compared.is_equal(), "{change}");
        assert_eq!(compared.tables[table].differing_keys, keys, "{change}");
        assert!(compared.tables[1 - table].is_equal(), "{change}");
    }
}

#[tokio::test]
async fn of_many_rows_that_differ_a_hundred_are_named() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let rows = format!("{ROWS};UPDATE other SET body = '1'");
    let compared = compare(&read_models, TABLES, &rows).await.unwrap().unwrap();
    assert_eq!(compared.tables[1].differing_keys.len(), 100);
}

#[tokio::test]
async fn tables_that_are_not_the_same_are_not_compared() {
    for tables in [
        "CREATE TABLE other (id bigint PRIMARY KEY, body json)",
        "CREATE TYPE grade AS ENUM ('low', 'high');
         CREATE TABLE \"Odd \"\"Name\" (
             \"the key\" text, part integer, grade grade, amount numeric, note text, at timestamptz,
             PRIMARY KEY (\"the key\", part)
         );
         CREATE TABLE other (id bigint PRIMARY KEY, body jsonb)",
    ] {
        let database = Database::create().await;
        let read_models = database.open().await;
        let refused = compare(&read_models, tables, "").await;
        assert!(matches!(refused, Err(ReadModelsError::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_table_without_a_primary_key_is_not_compared() {
    const KEYLESS: &str = "CREATE TABLE keyless (id bigint)";
    let database = Database::create().await;
    let read_models = database.open().await;
    let (serving, _) = build(&read_models, KEYLESS, "").await;
    read_models.switch(&serving, IfBehind::Refuse).await.unwrap();
    let (other, _) = build(&read_models, KEYLESS, "").await;
    let refused = read_models.compare(&serving, &other).await.unwrap_err();
    assert!(refused.to_string().contains("table keyless"), "{refused}");
}

#[tokio::test]
async fn generations_at_different_positions_are_not_compared() {
    let database = Database::create().await;
    let read_models = database.open().await;
    let (serving, _) = build(&read_models, TABLES, ROWS).await;
    read_models.switch(&serving, IfBehind::Refuse).await.unwrap();
    let (other, lease) = build(&read_models, TABLES, ROWS).await;
    let lease = claim(&read_models, &other, lease.worker).await;
    let advance = Advance { leases: lease, to: at(6), applied: vec![0], queued: Vec::new() };
    read_models.apply(Arc::new(Free(TABLES)), String::new().into(), advance).await.unwrap();
    assert_eq!(read_models.compare(&serving, &other).await.unwrap(), None);
}

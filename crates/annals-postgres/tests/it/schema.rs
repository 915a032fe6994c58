//! The schema: its migrations, their sum, and what does not fit.

use annals_postgres::{
    OpenError, PostgresStore, SchemaAtOpen, migrate, migrations, print_migrations,
};
use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::database::{Database, execute};
use crate::hostile::block_on;

/// Everything about a schema that can differ, one line each, as the database itself words it.
const DESCRIPTION: &str = "
    SELECT format('table %s %s', relname, relpersistence) AS line
    FROM pg_class WHERE relnamespace = 'annals'::regnamespace AND relkind IN ('r', 'v', 'S', 'm')
    UNION ALL
    SELECT format('column %s.%s %s %s %s %s %s', relname, attname,
        format_type(atttypid, atttypmod), attnotnull, collname,
        pg_get_expr(adbin, adrelid), attnum)
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'annals'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'annals'::regnamespace
    UNION ALL
    SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'annals'
    UNION ALL
    SELECT format('trigger %s %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = 'annals'::regnamespace AND NOT tgisinternal
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(oid))
    FROM pg_proc WHERE pronamespace = 'annals'::regnamespace
    UNION ALL
    SELECT format('migration %s %s', number, name) FROM annals.migration
    UNION ALL
    SELECT format('head %s', count(*)) FROM annals.head
    ORDER BY line";

async fn describe(session: &Client) -> Vec<String> {
    let rows = session.query(DESCRIPTION, &[]).await.expect("there is a schema");
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn schema_is_the_sum_of_its_migrations() {
    block_on(async {
        let (migrated, whole) = (Database::create().await, Database::create().await);
        migrate(&migrated.owner_options()).await.expect("an empty database can be migrated");
        let whole = whole.owner().await;
        execute(&whole, include_str!("../../src/sql/schema.sql")).await;
        let sum = describe(&migrated.owner().await).await;
        assert!(sum.len() > 40, "the schema is hardly described: {sum:?}");
        assert_eq!(sum, describe(&whole).await);
        // The comparison itself can fail.
        execute(&whole, "ALTER TABLE annals.event ALTER COLUMN tags SET NOT NULL").await;
        assert_ne!(sum, describe(&whole).await);
    });
}

#[test]
fn printed_migrations_are_the_ones_that_are_applied() {
    block_on(async {
        let (migrated, printed) = (Database::create().await, Database::create().await);
        let applied = migrate(&migrated.owner_options()).await.expect("it can be migrated");
        assert_eq!(applied, migrations());
        let numbers: Vec<i32> = applied.iter().map(|migration| migration.number).collect();
        assert_eq!(numbers, (1..).take(applied.len()).collect::<Vec<_>>());
        let session = printed.owner().await;
        execute(&session, &print_migrations()).await;
        assert_eq!(describe(&migrated.owner().await).await, describe(&session).await);
        // Whoever printed them and had them run needs no rights to change the schema any more.
        let again = migrate(&printed.owner_options()).await.expect("nothing is to be done");
        assert_eq!(again, []);
    });
}

#[test]
fn processes_that_migrate_at_the_same_time_do_it_once() {
    block_on(async {
        let database = Database::create().await;
        let options = database.owner_options();
        let migrated = join_all((0..6).map(|_| migrate(&options))).await;
        let applied: usize =
            migrated.into_iter().map(|applied| applied.expect("the others wait").len()).sum();
        assert_eq!(applied, migrations().len());
    });
}

#[test]
fn failed_migration_leaves_no_trace() {
    block_on(async {
        let database = Database::create().await;
        let owner = database.owner().await;
        // Something is in the way of the last statements of the first migration.
        execute(
            &owner,
            "CREATE SCHEMA annals;
             CREATE FUNCTION annals.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN END'",
        )
        .await;
        let failed = migrate(&database.owner_options()).await;
        assert!(matches!(failed, Err(OpenError::Migration { number: 1, .. })), "{failed:?}");
        let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'annals'::regnamespace";
        let left: i64 = owner.query_one(tables, &[]).await.expect("it answers").get(0);
        assert_eq!(left, 0);
        execute(&owner, "DROP FUNCTION annals.refuse_change").await;
        migrate(&database.owner_options()).await.expect("nothing is in the way any more");
    });
}

#[test]
fn schema_that_does_not_fit_is_refused() {
    block_on(async {
        let database = Database::create().await;
        let require = database.owner_options().schema_at_open(SchemaAtOpen::Require);
        let missing = PostgresStore::open(require.clone()).await.map(drop);
        assert!(matches!(missing, Err(OpenError::SchemaOutdated { found: 0, .. })), "{missing:?}");
        let opened = PostgresStore::open(database.owner_options()).await;
        opened.expect("opening creates the schema").close().await;
        PostgresStore::open(require.clone()).await.expect("now it is there").close().await;
        let owner = database.owner().await;
        execute(&owner, "INSERT INTO annals.migration VALUES (1000, 'from the future')").await;
        for options in [require, database.owner_options()] {
            let newer = PostgresStore::open(options).await.map(drop);
            assert!(matches!(newer, Err(OpenError::SchemaNewer { found: 1000, .. })), "{newer:?}");
        }
    });
}

//! What an application and a reader may do.

use annals_core::{Generations, Hosts, IfBehind, LogId, NewGeneration, WorkerId};
use annals_sqlx::{OpenError, PostgresReadModels, ReadModelsOptions, Roles, grant};

use crate::accounts::{Balances, One, amounts, apply, at, claim};
use crate::database::Database;

async fn open_as(database: &Database, role: &str) -> PostgresReadModels {
    let options = ReadModelsOptions::from_url(&database.url_of(role)).expect("it is a URL");
    PostgresReadModels::open(options).await.expect("the role may")
}

/// Builds a generation with one row, and has it serve.
async fn build(read_models: &PostgresReadModels, log_id: LogId, amount: i64) {
    let new = NewGeneration { log_id };
    let generation = read_models.create(Balances::<One>::new(), new).await.expect("the role may");
    let lease = claim(read_models, &generation.key, WorkerId::new()).await.remove(0);
    apply(read_models, &lease, amounts([("a", amount)]), at(1)).await.expect("the role may");
    read_models.switch(&generation.key, IfBehind::Refuse).await.expect("the role may");
}

async fn amount(read_models: &PostgresReadModels) -> i64 {
    let mut tables = read_models.read("balances").await.expect("the role may");
    let amount = sqlx::query_scalar("SELECT amount FROM balance").fetch_one(&mut *tables).await;
    amount.expect("the role may")
}

/// What the database says against a statement.
async fn refused(database: &Database, role: &str, statement: &'static str) -> String {
    let mut session = database.connect_as(role).await;
    let error = sqlx::raw_sql(statement).execute(&mut session).await.expect_err("it is refused");
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn a_reader_reads_what_there_is_and_what_comes_and_changes_nothing() {
    let database = Database::create().await;
    let (application, reader) =
        (database.create_role("app").await, database.create_role("reader").await);
    let roles = Roles { application: &application, reader: &reader };
    grant(&database.options(), &roles).await.unwrap();
    let keeping = open_as(&database, &application).await;
    let log_id = LogId::new();
    build(&keeping, log_id, 1).await;
    let reading = open_as(&database, &reader).await;
    assert_eq!(amount(&reading).await, 1);
    // The next generation has a schema of its own.
    build(&keeping, log_id, 2).await;
    assert_eq!(amount(&reading).await, 2);
    for statement in [
        "UPDATE balances_1.balance SET amount = 0",
        "DELETE FROM annals_read.generation",
        "CREATE SCHEMA mine",
    ] {
        assert_eq!(refused(&database, &reader, statement).await, "42501", "{statement}");
    }
}

#[tokio::test]
async fn a_reader_that_is_named_later_reads_what_was_there_before() {
    let database = Database::create().await;
    let application = database.create_role("app").await;
    let name = |reader| Roles { application: &application, reader };
    grant(&database.options(), &name(&application)).await.unwrap();
    build(&open_as(&database, &application).await, LogId::new(), 1).await;
    let reader = database.create_role("reader").await;
    assert_eq!(refused(&database, &reader, "SELECT FROM balances_1.balance").await, "42501");
    grant(&database.options(), &name(&reader)).await.unwrap();
    assert_eq!(amount(&open_as(&database, &reader).await).await, 1);
}

#[tokio::test]
async fn rights_that_cannot_be_given_are_refused() {
    let database = Database::create().await;
    let (one, other) = (database.create_role("one").await, database.create_role("other").await);
    let nobody = Roles { application: "nobody-1", reader: &other };
    let unknown = grant(&database.options(), &nobody).await.expect_err("it is refused");
    assert!(matches!(unknown, OpenError::Grant { .. }), "{unknown:?}");
    let as_stranger = ReadModelsOptions::from_url(&database.url_of(&one)).unwrap();
    let roles = Roles { application: &one, reader: &other };
    let stranger = grant(&as_stranger, &roles).await.expect_err("it is refused");
    let OpenError::Grant { source } = stranger else { panic!("{stranger:?}") };
    let code = source.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("42501"), "{source:?}");
}

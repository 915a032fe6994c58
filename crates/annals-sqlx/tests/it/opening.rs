//! Opening, and the schema of the bookkeeping.

use annals_sqlx::{OpenError, PostgresReadModels, ReadModelsOptions, SchemaAtOpen, migrate};

use crate::database::{Database, execute};

#[tokio::test]
async fn a_database_without_bookkeeping_is_refused_where_it_is_required() {
    let database = Database::create().await;
    let options = || database.options().schema_at_open(SchemaAtOpen::Require);
    let refused = PostgresReadModels::open(options()).await.unwrap_err();
    assert!(matches!(refused, OpenError::SchemaOutdated { found: 0, needed: 1 }), "{refused:?}");
    assert_eq!(migrate(&database.options()).await.unwrap(), 1);
    PostgresReadModels::open(options()).await.unwrap();
}

#[tokio::test]
async fn bookkeeping_of_a_newer_version_is_left_alone() {
    let database = Database::create().await;
    database.open().await;
    let mut own = database.connect().await;
    execute(&mut own, "INSERT INTO annals_read.migration VALUES (99, 'of the future')").await;
    let refused = PostgresReadModels::open(database.options()).await.unwrap_err();
    assert!(matches!(refused, OpenError::SchemaNewer { found: 99, .. }), "{refused:?}");
}

#[tokio::test]
async fn of_processes_that_open_at_the_same_time_one_migrates() {
    let database = Database::create().await;
    let (a, b, c, d) =
        tokio::join!(database.open(), database.open(), database.open(), database.open());
    drop((a, b, c, d));
}

#[tokio::test]
async fn an_error_in_connecting_names_the_server_and_no_password() {
    let url = "postgres://u:hunter2@127.0.0.1:1/d";
    let options = ReadModelsOptions::from_url(url).unwrap();
    let refused = PostgresReadModels::open(options).await.unwrap_err();
    assert_eq!(refused.to_string(), "cannot connect to 127.0.0.1:1, database d");
    assert!(!format!("{refused:?}").contains("hunter2"));
}

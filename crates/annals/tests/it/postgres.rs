//! Everything in one database of a PostgreSQL server.

use std::sync::Arc;

use annals::BoxFuture;
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlx::{PostgresReadModels, ReadModelsOptions};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::balances::{Balances, Rows};
use crate::world::{ReadDatabase, World};

/// The variable with the URL of a server, as a role that may create databases.
const SERVER: &str = "ANNALS_POSTGRES_URL";

/// A database of its own, gone with the value.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let server = std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set: run these tests by `cargo xtask test`, which brings a \
                 PostgreSQL server, or set it to the URL of one where databases may be created"
            )
        });
        let name = format!("annals_test_{}", Uuid::now_v7().simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await.unwrap();
        Self { server, name }
    }

    pub(crate) fn url(&self) -> String {
        let (scheme, rest) = self.server.split_once("://").unwrap();
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.split('/').next().unwrap_or_default();
        format!("{scheme}://{authority}/{}?{parameters}", self.name)
    }
}

impl Drop for Database {
    /// On a thread of its own, because this one may be in the middle of a runtime that ends.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.expect("a runtime can be made").block_on(execute(&server, &drop))
        });
        let _ = dropped.join();
    }
}

async fn execute(server: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(statement).await
}

/// As one process has it.
pub(crate) async fn world_at(url: &str) -> World<PostgresReadModels> {
    let store = PostgresStore::open(PostgresOptions::from_url(url).unwrap()).await.unwrap();
    let models = PostgresReadModels::open(ReadModelsOptions::from_url(url).unwrap()).await.unwrap();
    World { store: Arc::new(store), models: Arc::new(models) }
}

pub(crate) async fn world() -> (World<PostgresReadModels>, Database) {
    let database = Database::create().await;
    (world_at(&database.url()).await, database)
}

impl ReadDatabase for PostgresReadModels {
    fn rows(&self) -> BoxFuture<'_, Rows> {
        Box::pin(async move {
            let mut tables = self.read(Balances::NAME).await.unwrap();
            let rows: Vec<(String, i64, i64)> =
                sqlx::query_as("SELECT id, amount, last FROM balance")
                    .fetch_all(&mut *tables)
                    .await
                    .unwrap();
            rows.into_iter().map(|(id, amount, last)| (id, (amount, last))).collect()
        })
    }
}

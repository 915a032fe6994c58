//! A database of its own for each test.

use std::sync::OnceLock;

use annals_postgres::{PostgresOptions, Roles, grant, migrate};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// The variable with the URL of a server, as a role that may create databases and roles.
const SERVER: &str = "ANNALS_POSTGRES_URL";

/// The server for this run.
pub(crate) fn server_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set: run these tests by `cargo xtask test`, which brings a \
                 PostgreSQL server, or set it to the URL of one where databases may be created"
            )
        })
    })
}

/// A log of its own, gone with the value.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
    /// What the roles of this database log in with.
    password: String,
}

impl Database {
    /// An empty database.
    pub(crate) async fn create() -> Self {
        Self::create_on(server_url()).await
    }

    async fn create_on(server: &str) -> Self {
        let url = server.to_owned();
        let name = format!("annals_test_{}", Uuid::now_v7().simple());
        let password = Uuid::now_v7().simple().to_string();
        let server = connect(server).await;
        execute(&server, "SET synchronous_commit = local").await;
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        for role in ["app", "reader"] {
            let role = format!("{name}_{role}");
            execute(&server, &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'")).await;
        }
        Self { server: url, name, password }
    }

    /// A database with a log, and roles that have the rights of an application and a reader.
    pub(crate) async fn with_log() -> Self {
        Self::on(server_url()).await
    }

    /// As [`Database::with_log`], on a server of the test's own.
    pub(crate) async fn on(server: &str) -> Self {
        let database = Self::create_on(server).await;
        let options = database.owner_options();
        migrate(&options).await.expect("an empty database can be migrated");
        let (application, reader) = (database.role("app"), database.role("reader"));
        let roles = Roles { application: &application, reader: &reader };
        grant(&options, &roles).await.expect("the owner can give rights");
        database
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn role(&self, role: &str) -> String {
        format!("{}_{role}", self.name)
    }

    /// The URL for the role that owns the schema.
    pub(crate) fn owner_url(&self) -> String {
        with_database(&self.server, &self.name)
    }

    /// The URL for the role `app` or `reader`.
    pub(crate) fn role_url(&self, role: &str) -> String {
        let url = self.owner_url();
        let (scheme, rest) = url.split_once("://").expect("the server's URL has a scheme");
        let (authority, path) = rest.split_once('/').expect("the database stands behind a slash");
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        format!("{scheme}://{}:{}@{host}/{path}", self.role(role), self.password)
    }

    pub(crate) fn owner_options(&self) -> PostgresOptions {
        options(&self.owner_url())
    }

    /// Options with the rights an application has.
    pub(crate) fn application_options(&self) -> PostgresOptions {
        options(&self.role_url("app"))
    }

    /// A session of the owner, without the store.
    pub(crate) async fn owner(&self) -> Client {
        connect(&self.owner_url()).await
    }

    /// A session of a role, without the store.
    pub(crate) async fn session(&self, role: &str) -> Client {
        connect(&self.role_url(role)).await
    }
}

impl Drop for Database {
    /// On a thread of its own, because this one may be in the middle of a runtime that ends.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                // A server of the test's own may be gone already.
                let Ok((server, connection)) = tokio_postgres::connect(&server, NoTls).await else {
                    return;
                };
                tokio::spawn(connection);
                let _ = server.batch_execute("SET synchronous_commit = local").await;
                let _ = server
                    .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await;
                let roles = format!("DROP ROLE IF EXISTS {name}_app, {name}_reader");
                let _ = server.batch_execute(&roles).await;
            });
        });
        let _ = dropped.join();
    }
}

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::from_url(url).expect("the URLs of the tests are right")
}

/// The server's URL with another database.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (base, parameters) = match url.split_once('?') {
        Some((base, parameters)) => (base, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = base.split_once("://").expect("the server's URL has a scheme");
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{parameters}")
}

/// A session without the store; it ends with the client.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the server of the tests answers");
    tokio::spawn(connection);
    client
}

pub(crate) async fn execute(client: &Client, statement: &str) {
    if let Err(error) = client.batch_execute(statement).await {
        panic!("{statement}: {error:?}");
    }
}

//! A database of its own for each test.

use std::str::FromStr;
use std::sync::OnceLock;

use annals_sqlx::{PostgresReadModels, ReadModelsOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

/// The variable with the URL of a server, as a role that may create databases.
const SERVER: &str = "ANNALS_POSTGRES_URL";

/// The server for this run.
fn server_url() -> &'static str {
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

/// The scheme of the server's URL, and who logs in where.
fn server() -> (&'static str, &'static str) {
    let url = server_url();
    let base = url.split_once('?').map_or(url, |(base, _)| base);
    let (scheme, rest) = base.split_once("://").expect("the server's URL has a scheme");
    (scheme, rest.split('/').next().unwrap_or_default())
}

/// The password of the roles that tests create.
const PASSWORD: &str = "of-a-test";

/// A database, gone with the value.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// An empty database.
    pub(crate) async fn create() -> Self {
        let name = format!("annals_test_{}", Uuid::now_v7().simple());
        let mut server = connect(server_url()).await;
        execute(&mut server, &format!("CREATE DATABASE {name}")).await;
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        let (scheme, authority) = server();
        format!("{scheme}://{authority}/{}", self.name)
    }

    /// The URL for a role that [`Database::create_role`] has made.
    pub(crate) fn url_of(&self, role: &str) -> String {
        let (scheme, authority) = server();
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{role}:{PASSWORD}@{host}/{}", self.name)
    }

    /// Creates a role that may log in, gone with the database, and gives its name.
    pub(crate) async fn create_role(&self, role: &str) -> String {
        let name = format!("{}_{role}", self.name);
        let create = format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'");
        execute(&mut self.connect().await, &create).await;
        name
    }

    pub(crate) fn options(&self) -> ReadModelsOptions {
        ReadModelsOptions::from_url(&self.url()).expect("the URLs of the tests are right")
    }

    /// A handle of its own, as another process would have.
    pub(crate) async fn open(&self) -> PostgresReadModels {
        PostgresReadModels::open(self.options()).await.expect("read models can be opened")
    }

    /// A connection without the read models.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.url()).await
    }

    pub(crate) async fn connect_as(&self, role: &str) -> PgConnection {
        connect(&self.url_of(role)).await
    }
}

impl Drop for Database {
    /// On a thread of its own, because this one may be in the middle of a runtime that ends.
    fn drop(&mut self) {
        let name = self.name.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let mut server = connect(server_url()).await;
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut server).await;
                let roles =
                    "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname::text, $1)";
                let roles = sqlx::query_scalar::<_, String>(roles).bind(&name);
                for role in roles.fetch_all(&mut server).await.unwrap_or_default() {
                    let drop = format!("DROP ROLE {role}");
                    let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut server).await;
                }
                let _ = server.close().await;
            });
        });
        let _ = dropped.join();
    }
}

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("the URLs of the tests are right");
    let connecting = options.disable_statement_logging();
    connecting.connect().await.expect("the server of the tests answers")
}

/// Carries out statements of a test.
pub(crate) async fn execute(connection: &mut PgConnection, statements: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await {
        panic!("{statements}: {error:?}");
    }
}

//! A PostgreSQL database of its own for each test.

use std::sync::OnceLock;

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::home::block_on;

/// The variable with the URL of a server, as a role that may create databases and roles.
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

/// An empty database. It is gone with the value, and so are its roles.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    /// What its roles log in with.
    pub(crate) password: String,
}

impl Database {
    pub(crate) fn create() -> Self {
        let name = format!("bank_test_{}", Uuid::now_v7().simple());
        execute(server_url(), &[&format!("CREATE DATABASE {name}")]);
        Self { name, password: Uuid::now_v7().simple().to_string() }
    }

    /// The URL for the role that owns the database.
    pub(crate) fn url(&self) -> String {
        let (base, parameters) = server_url().split_once('?').unwrap_or((server_url(), ""));
        let (scheme, rest) = base.split_once("://").unwrap();
        let authority = rest.split('/').next().unwrap();
        format!("{scheme}://{authority}/{}?{parameters}", self.name)
    }

    /// The URL for another role.
    pub(crate) fn url_of(&self, role: &str) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, rest) = rest.split_once('/').unwrap();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        format!("{scheme}://{role}:{}@{host}/{rest}", self.password)
    }

    /// Makes a role that may log in and nothing else, and gives its name.
    pub(crate) fn create_role(&self, role: &str) -> String {
        let (name, password) = (format!("{}_{role}", self.name), &self.password);
        self.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"));
        name
    }

    /// Executes statements as the owner.
    pub(crate) fn execute(&self, statements: &str) {
        execute(&self.url(), &[statements]);
    }

    /// Whether anything of a log is there.
    pub(crate) fn has_log(&self) -> bool {
        let find = "SELECT to_regnamespace('annals') IS NOT NULL";
        on(&self.url(), async |session| session.query_one(find, &[]).await.unwrap().get(0))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        let roles = "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname::text, $1)";
        on(server_url(), async |session| {
            let forced = format!("DROP DATABASE {name} WITH (FORCE)");
            session.batch_execute(&forced).await.unwrap();
            for role in session.query(roles, &[name]).await.unwrap() {
                let role: String = role.get(0);
                session.batch_execute(&format!("DROP ROLE {role}")).await.unwrap();
            }
        });
    }
}

/// Executes statements without the store.
pub(crate) fn execute(url: &str, statements: &[&str]) {
    on(url, async |session| {
        for statement in statements {
            session.batch_execute(statement).await.unwrap();
        }
    });
}

/// Does something in a session without the store.
pub(crate) fn on<T>(url: &str, task: impl AsyncFnOnce(&Client) -> T) -> T {
    block_on(async {
        let (session, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        let done = task(&session).await;
        drop(session);
        driver.await.unwrap().unwrap();
        done
    })
}

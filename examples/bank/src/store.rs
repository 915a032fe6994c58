//! Opening the log.

mod postgres;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use annals::postgres::{OpenError, PostgresStore, SchemaAtOpen, UrlError};
use annals::sqlite::SqliteStore;
use annals::{App, BoxError, EventStore, MemoryStore, SnapshotStore};
use thiserror::Error;

use crate::services::BankServices;

pub use self::postgres::PostgresUrl;

/// Where the log is. Shown and logged without anybody's credentials.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// `sqlite:PATH`: in one file on this machine.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`: in a database, for any number of processes.
    Postgres(Box<PostgresUrl>),
    /// `memory:`: nowhere; it is gone when the program ends.
    Memory,
}

/// Text is not the address of a log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreUrlError {
    /// Such a log exists elsewhere, or not at all.
    #[error("there is no store {scheme:?}, only sqlite:PATH, postgres://HOST/DATABASE and memory:")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The path is missing.
    #[error("sqlite: needs the path of a file, such as sqlite:bank.db")]
    NoPath,
    /// The address of a database is malformed.
    #[error(transparent)]
    Postgres(#[from] UrlError),
    /// There is something after `memory:`.
    #[error("memory: stands alone")]
    MemoryPath,
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err(StoreUrlError::NoPath),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => {
                Ok(Self::Postgres(Box::new(PostgresUrl::new(text)?)))
            }
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("memory", _)) => Err(StoreUrlError::MemoryPath),
            Some((scheme, _)) => Err(StoreUrlError::Scheme { scheme: scheme.to_owned() }),
            None => Err(StoreUrlError::Scheme { scheme: text.to_owned() }),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(formatter),
            Self::Memory => formatter.write_str("memory:"),
        }
    }
}

/// What the log is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing. Makes the log if there is none, and brings its schema up to date. A
    /// file has one process that writes, a database any number of them.
    Write,
    /// Reading, beside whoever writes. Makes and changes nothing.
    Read,
}

/// The log cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The source says who holds the log, or what else is wrong with it.
    #[error("cannot open {url}")]
    Open {
        /// Where the log is.
        url: StoreUrl,
        /// What is wrong.
        source: BoxError,
    },
    /// The database has no log yet, or one of an older version. Migrate it, as its owner.
    #[error(
        "cannot open {url}: the schema is at migration {found}, {needed} is needed: run bank \
        migrate with the URL of the owner"
    )]
    Outdated {
        /// Where the log is.
        url: StoreUrl,
        /// The last migration that was applied, 0 for none.
        found: i32,
        /// The last one this version knows.
        needed: i32,
    },
}

impl StoreError {
    /// The log is a file that another process writes to.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let Self::Open { source, .. } = self else { return false };
        matches!(source.downcast_ref(), Some(annals::sqlite::OpenError::Held { .. }))
    }
}

impl StoreUrl {
    /// Opens the log, which is closed again when the last clone of the application is dropped.
    ///
    /// Nothing that was answered is lost by that: every answer waits for the log.
    ///
    /// # Errors
    ///
    /// [`StoreError`], whose variants say what to do.
    pub async fn open(&self, access: Access) -> Result<App<BankServices>, StoreError> {
        match self {
            Self::Sqlite(path) => {
                open_file(path, access).map(app).map_err(|error| self.error(error.into()))
            }
            Self::Postgres(url) => match open_database(url, access).await {
                Ok(store) => Ok(app(store)),
                Err(OpenError::SchemaOutdated { found, needed }) => {
                    Err(StoreError::Outdated { url: self.clone(), found, needed })
                }
                Err(error) => Err(self.error(error.into())),
            },
            Self::Memory => Ok(app(MemoryStore::new())),
        }
    }

    fn error(&self, source: BoxError) -> StoreError {
        StoreError::Open { url: self.clone(), source }
    }
}

/// Blocks for some milliseconds.
fn open_file(path: &Path, access: Access) -> Result<SqliteStore, annals::sqlite::OpenError> {
    let options = SqliteStore::options();
    match access {
        Access::Write => options.open(path),
        Access::Read => options.read_only().open(path),
    }
}

async fn open_database(url: &PostgresUrl, access: Access) -> Result<PostgresStore, OpenError> {
    let schema = match access {
        Access::Write => SchemaAtOpen::Migrate,
        Access::Read => SchemaAtOpen::Require,
    };
    PostgresStore::open(url.options().clone().schema_at_open(schema)).await
}

/// The application on a store, which keeps the snapshots as well.
fn app(store: impl EventStore + SnapshotStore) -> App<BankServices> {
    let store = Arc::new(store);
    App::with_snapshots(store.clone(), store, BankServices::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_its_url() {
        for text in [
            "sqlite:bank.db",
            "sqlite:/var/lib/a:b.db",
            "postgres://db.example/bank",
            "postgresql://[::1]:5433,other/bank",
            "memory:",
        ] {
            let url: StoreUrl = text.parse().unwrap();
            let is_right = match &url {
                StoreUrl::Sqlite(path) => text.strip_prefix("sqlite:") == path.to_str(),
                StoreUrl::Postgres(_) => text.starts_with("postgres"),
                StoreUrl::Memory => text == "memory:",
            };
            assert!(is_right, "{text} is {url:?}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_would_be_one() {
        let only = "only sqlite:PATH, postgres://HOST/DATABASE and memory:";
        for (text, expected) in [
            ("sqlite:", "sqlite: needs the path of a file, such as sqlite:bank.db"),
            ("memory:x", "memory: stands alone"),
            ("bank.db", &format!("there is no store \"bank.db\", {only}")),
            ("mysql://localhost/bank", &format!("there is no store \"mysql\", {only}")),
            ("postgres://h:one/bank", "the URL's port is not a number in its range"),
            ("postgres:h/bank", "the URL does not begin with postgres:// or postgresql://"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err().to_string(), expected);
        }
    }
}

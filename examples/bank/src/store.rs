//! Opening the log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use annals::sqlite::{OpenError, SqliteStore};
use annals::{App, MemoryStore};
use thiserror::Error;

use crate::services::BankServices;

/// Where the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: in one file on this machine.
    Sqlite(PathBuf),
    /// `memory:`: nowhere; it is gone when the program ends.
    Memory,
}

/// Text is not the address of a log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreUrlError {
    /// Such a log exists elsewhere, or not at all.
    #[error("there is no store {scheme:?}, only sqlite:PATH and memory:")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The path is missing.
    #[error("sqlite: needs the path of a file, such as sqlite:bank.db")]
    NoPath,
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
            Self::Memory => formatter.write_str("memory:"),
        }
    }
}

/// What the log is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing, for one process at a time. Makes the log if there is none.
    Write,
    /// Reading, beside whoever writes.
    Read,
}

/// The log cannot be opened.
#[derive(Debug, Error)]
#[error("cannot open {url}")]
pub struct StoreError {
    url: StoreUrl,
    source: OpenError,
}

impl StoreUrl {
    /// Opens the log, which is closed again when the last clone of the application is dropped.
    /// Both block for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; its source says who holds the log, or what else is wrong with it.
    pub fn open(&self, access: Access) -> Result<App<BankServices>, StoreError> {
        let services = BankServices::default();
        let Self::Sqlite(path) = self else {
            let store = Arc::new(MemoryStore::new());
            return Ok(App::with_snapshots(store.clone(), store, services));
        };
        let options = match access {
            Access::Write => SqliteStore::options(),
            Access::Read => SqliteStore::options().read_only(),
        };
        let opened = options.open(path);
        let store = Arc::new(opened.map_err(|source| StoreError { url: self.clone(), source })?);
        Ok(App::with_snapshots(store.clone(), store, services))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_its_url() {
        for (text, expected) in [
            ("sqlite:bank.db", StoreUrl::Sqlite("bank.db".into())),
            ("sqlite:/var/lib/a:b.db", StoreUrl::Sqlite("/var/lib/a:b.db".into())),
            ("memory:", StoreUrl::Memory),
        ] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url, expected);
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_would_be_one() {
        for (text, expected) in [
            ("sqlite:", "sqlite: needs the path of a file, such as sqlite:bank.db"),
            ("memory:x", "memory: stands alone"),
            ("bank.db", "there is no store \"bank.db\", only sqlite:PATH and memory:"),
            (
                "postgres://localhost/bank",
                "there is no store \"postgres\", only sqlite:PATH and memory:",
            ),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err().to_string(), expected);
        }
    }
}

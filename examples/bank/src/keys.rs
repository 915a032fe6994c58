//! Where the API keys of those who may use the bank are.
//!
//! In a database they stand in the log itself. A file has one process that writes, and a key must
//! be revocable while the bank is served; so there they have a file of their own, which the bank
//! only reads.

use std::path::PathBuf;
use std::sync::Arc;

use annals::EventStore;
use annals_http::auth::LastUsedFile;
use thiserror::Error;

use crate::store::{Access, StoreError, StoreUrl};

/// Where the API keys of a log are.
#[derive(Debug, Clone)]
pub struct KeysPlace {
    log: StoreUrl,
    last_used: Option<LastUsedFile>,
}

/// A log that is kept nowhere keeps no keys. Name one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("memory: keeps no API keys, name a log that is kept")]
pub struct NoKeys;

impl KeysPlace {
    /// Where the keys for the log at `url` are.
    ///
    /// # Errors
    ///
    /// [`NoKeys`] for a log in memory.
    pub fn of(url: &StoreUrl) -> Result<Self, NoKeys> {
        match url {
            StoreUrl::Sqlite(path) => {
                let beside = |suffix| {
                    let mut path = path.clone().into_os_string();
                    path.push(suffix);
                    PathBuf::from(path)
                };
                let log = StoreUrl::Sqlite(beside("-keys"));
                Ok(Self { log, last_used: Some(LastUsedFile::new(beside("-keys-used"))) })
            }
            StoreUrl::Postgres(_) => Ok(Self { log: url.clone(), last_used: None }),
            StoreUrl::Memory => Err(NoKeys),
        }
    }

    /// The times of last use, if they are kept: beside a file, because many machines may serve one
    /// database.
    #[must_use]
    pub fn last_used(&self) -> Option<&LastUsedFile> {
        self.last_used.as_ref()
    }

    /// Opens the log that has the keys, to read it. One that does not exist is made.
    ///
    /// # Errors
    ///
    /// [`StoreError`], whose variants say what to do.
    pub async fn open_to_read(&self) -> Result<Arc<dyn EventStore>, StoreError> {
        if matches!(&self.log, StoreUrl::Sqlite(path) if !path.exists()) {
            drop(self.open_to_write().await?);
        }
        Ok(Arc::clone(self.log.open(Access::Read).await?.store()))
    }

    /// Opens the log that has the keys, to change them.
    ///
    /// # Errors
    ///
    /// [`StoreError`], whose variants say what to do.
    pub async fn open_to_write(&self) -> Result<Arc<dyn EventStore>, StoreError> {
        Ok(Arc::clone(self.log.open(Access::Write).await?.store()))
    }
}

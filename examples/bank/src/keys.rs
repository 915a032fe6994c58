//! Where the API keys of those who may use the bank are.
//!
//! In a database they stand in the log itself. A file has one process that writes, and a key must
//! be revocable while the bank is served; so there they have a file of their own, which the bank
//! only reads.
//!
//! The times of their last use are beside the log of a file, and otherwise in the database of the
//! read models.

mod last_used_table;

use std::path::PathBuf;
use std::sync::Arc;

use annals::EventStore;
use annals_http::auth::{LastUsed, LastUsedFile};
use thiserror::Error;

use self::last_used_table::LastUsedTable;
use crate::read_models::ReadModelsPlace;
use crate::store::{Access, StoreError, StoreUrl};

/// Where the API keys of a log are.
#[derive(Debug, Clone)]
pub struct KeysPlace {
    log: StoreUrl,
    last_used: Option<Arc<dyn LastUsed>>,
}

/// A log that is kept nowhere keeps no keys. Name one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("memory: keeps no API keys, name a log that is kept")]
pub struct NoKeys;

impl KeysPlace {
    /// Where the keys for a log are, whose read models are at this place.
    ///
    /// # Errors
    ///
    /// [`NoKeys`] for a log in memory.
    pub fn of(log: &StoreUrl, read_models: &ReadModelsPlace) -> Result<Self, NoKeys> {
        match log {
            StoreUrl::Sqlite(path) => {
                let beside = |suffix| {
                    let mut path = path.clone().into_os_string();
                    path.push(suffix);
                    PathBuf::from(path)
                };
                let last_used = Arc::new(LastUsedFile::new(beside("-keys-used")));
                let log = StoreUrl::Sqlite(beside("-keys"));
                Ok(Self { log, last_used: Some(last_used) })
            }
            StoreUrl::Postgres(_) => {
                let last_used: Option<Arc<dyn LastUsed>> = match read_models {
                    ReadModelsPlace::Postgres(url) => {
                        Some(Arc::new(LastUsedTable::new((**url).clone())))
                    }
                    // In a folder is what one machine knows, and many may serve the database.
                    ReadModelsPlace::Folder(_) | ReadModelsPlace::Temporary => None,
                };
                Ok(Self { log: log.clone(), last_used })
            }
            StoreUrl::Memory => Err(NoKeys),
        }
    }

    /// Whether the keys stand in the log of the bank.
    #[must_use]
    pub fn is_log_itself(&self) -> bool {
        matches!(self.log, StoreUrl::Postgres(_))
    }

    /// The times of last use, if they are kept.
    #[must_use]
    pub fn last_used(&self) -> Option<&Arc<dyn LastUsed>> {
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

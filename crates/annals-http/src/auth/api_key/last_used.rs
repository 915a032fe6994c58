//! When keys were last used: outside the log, because it is worth nothing a year later.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use annals_core::{BoxError, BoxFuture};
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::secret::KeyId;

pub use self::file::LastUsedFile;

/// The time at which each key was last used, to the minute.
pub type LastUses = BTreeMap<KeyId, DateTime<Utc>>;

/// A place where the times of last use are kept: [`LastUsedFile`], or a table that many machines
/// write to.
///
/// They are a help for cleaning up, not a record: a minute's uses are lost with a process that is
/// killed. They are no secret.
///
/// No request waits for it. [`ApiKeyFollower`](super::ApiKeyFollower) brings it the times that have
/// changed, at most one for each key and minute, and again those that could not be added.
pub trait LastUsed: fmt::Debug + Send + Sync + 'static {
    /// All times that it holds; none if nothing was ever added.
    ///
    /// # Errors
    ///
    /// [`LastUsedError`], whose variants say what to do.
    fn read(&self) -> BoxFuture<'_, Result<LastUses, LastUsedError>>;

    /// Adds times of at most [`API_KEYS_MAX`](super::API_KEYS_MAX) keys. A time that is not later
    /// than the one it holds of that key changes nothing, whoever added that.
    ///
    /// It must end within seconds: the service waits for it when it stops.
    ///
    /// # Errors
    ///
    /// [`LastUsedError`], whose variants say what to do.
    fn add(&self, used: LastUses) -> BoxFuture<'_, Result<(), LastUsedError>>;
}

/// The times of last use cannot be read or kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LastUsedError {
    /// The system refuses to read or write the file. Let the program do so.
    #[error("the file {} cannot be used", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is in the file. Remove it.
    #[error("the file {} does not hold times of last use", .path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another place cannot be used. The source says why.
    #[error("the times of last use cannot be read or kept")]
    Unavailable(#[source] BoxError),
    /// The program is about to end.
    #[error("the program is ending")]
    Ending,
}

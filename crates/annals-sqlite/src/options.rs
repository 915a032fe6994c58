//! How a store is opened.

use std::path::Path;
use std::sync::Arc;

use annals_core::{Clock, SystemClock};

use crate::integrity::Integrity;
use crate::open::OpenError;
use crate::store::SqliteStore;

/// Threads that read, unless asked otherwise: enough that a long page does not hold up short ones.
pub const READERS_DEFAULT: usize = 4;
/// Most threads that read. Each has a connection with its own cache of up to 16 MiB.
pub const READERS_MAX: usize = 64;

/// Length of the write-ahead log, in bytes, that calls for a checkpoint, unless asked otherwise.
///
/// A page that changes often is copied once for all its changes, so a longer log means less to
/// copy; and a longer wait, a tenth of a second for this one, when the log is opened after a crash.
pub const WAL_BYTES_DEFAULT: u64 = 32 * 1024 * 1024;

/// How a store is opened. Start with [`SqliteStore::options`], end with [`OpenOptions::open`].
///
/// ```
/// # fn main() -> Result<(), annals_sqlite::OpenError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("bank.db");
/// use annals_sqlite::{Integrity, SqliteStore};
///
/// let store = SqliteStore::options().readers(2).integrity(Integrity::Full).open(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    is_read_only: bool,
    readers: usize,
    clock: Arc<dyn Clock>,
    integrity: Integrity,
    wal_bytes: u64,
}

/// What the store itself needs to know of the options.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) readers: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) integrity: Integrity,
    pub(crate) wal_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            is_read_only: false,
            readers: READERS_DEFAULT,
            clock: Arc::new(SystemClock),
            integrity: Integrity::default(),
            wal_bytes: WAL_BYTES_DEFAULT,
        }
    }
}

impl OpenOptions {
    /// Opens an existing log for reading only, beside a process that writes to it.
    ///
    /// Appends are then refused with [`AppendError::Closed`](annals_core::AppendError::Closed).
    /// The folder must be writable all the same if nobody has the log open: SQLite keeps an index
    /// of the write-ahead log beside it.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Reads with `count` threads; values outside 1 to [`READERS_MAX`] are moved to the nearest
    /// end of that range.
    #[must_use]
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.clamp(1, READERS_MAX);
        self
    }

    /// Takes the timestamps of events from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks this much of the log before it is used.
    #[must_use]
    pub fn integrity(mut self, integrity: Integrity) -> Self {
        self.integrity = integrity;
        self
    }

    /// Begins to copy the write-ahead log into the file when it has this many bytes.
    ///
    /// It then begins anew, so it becomes about twice as long, and at most 16 times, when the disk
    /// cannot keep up. Another process that keeps a view of the log open for long can make it grow
    /// further; the views of a store last as long as it takes to read a page.
    #[must_use]
    pub fn wal_bytes(mut self, bytes: u64) -> Self {
        self.wal_bytes = bytes;
        self
    }

    /// Opens the log at `path`, making it if there is none (unless for reading only).
    ///
    /// It blocks: a few milliseconds, longer to take over the write-ahead log of a process that
    /// was killed, or to check as much as asked for.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose variants say what to do next. Nothing was made or changed then, but
    /// for the lock file beside a log that turned out to be damaged.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        let Self { is_read_only, readers, clock, integrity, wal_bytes } = self;
        let settings = Settings { readers, clock, integrity, wal_bytes };
        if is_read_only {
            SqliteStore::open_for_reading(path.as_ref(), &settings)
        } else {
            SqliteStore::open_for_writing(path.as_ref(), settings)
        }
    }
}

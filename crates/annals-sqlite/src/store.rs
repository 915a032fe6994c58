//! The store: the contract on top of the threads.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use annals_core::{
    Append, AppendError, Appended, BoxFuture, CommandId, EventStore, LogId, Page, Position, Read,
    ReadError, Sequence, Snapshot, SnapshotError, SnapshotStore, StreamId,
};
use tokio::sync::watch;

use crate::batch::Batches;
use crate::changes::Changes;
use crate::checkpoint::{Bounds, Checkpoints};
use crate::head::{self, Head, Poller};
use crate::location::Location;
use crate::lock::Lock;
use crate::log;
use crate::open::{self, At, OpenError};
use crate::options::{OpenOptions, Settings};
use crate::page;
use crate::reader::Readers;
use crate::snapshots::{Access, Key, Snapshots};
use crate::submission::{Known, PreparedAppend};
use crate::writer::{Stopped, Writer};

/// Events that the writer searches for a condition. What lies further back is searched by a
/// reader before the append is queued, so that a decision on an old position holds up nobody else.
/// Only such an append may be overtaken by one that was polled after it.
const CONDITION_EVENTS_MAX: u64 = 10_000;

/// A log in one SQLite file, with every guarantee of [`EventStore`], and its snapshots.
///
/// Dropping or [closing](SqliteStore::close) it answers the appends in flight, copies the
/// write-ahead log into the file and ends the threads; both block for that.
///
/// ```
/// # fn main() -> Result<(), annals_sqlite::OpenError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("bank.db");
/// use annals_sqlite::{OpenError, SqliteStore};
///
/// let store = SqliteStore::open(&path)?;
/// let second = SqliteStore::open(&path).unwrap_err();
/// assert!(matches!(second, OpenError::Held { .. }), "{second}");
/// store.close();
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    // In the order in which they are dropped: the writer's connection goes last and tidies up,
    // and only then is the lock released.
    readers: Readers,
    snapshots: Snapshots,
    mode: Mode,
    log_id: LogId,
}

enum Mode {
    Writing { writer: Writer, head: watch::Receiver<Head>, changes: Arc<Changes>, _lock: Lock },
    Reading { poller: Poller },
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match &self.mode {
            Mode::Writing { .. } => "writing",
            Mode::Reading { .. } => "reading",
        };
        formatter.debug_struct("SqliteStore").field("mode", &mode).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the log at `path` for writing, making it if there is none. It blocks for some
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(path)
    }

    /// Says how to open a log.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::default()
    }

    /// Answers the appends in flight, copies the write-ahead log into the file and ends the
    /// threads. It blocks for that; dropping the store does the same.
    pub fn close(self) {}

    pub(crate) fn open_for_writing(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        let Settings { readers, clock, integrity, wal_bytes } = settings;
        let location = Location::resolve(path).map_err(|error| At(path).io(error))?;
        let at = At(location.path());
        let (lock, connection) = open::for_writing(&location, integrity)?;
        let log_id = log::log_id(&connection).map_err(|error| at.sqlite(error))?;
        let batches = Batches::new(connection, clock).map_err(|fault| at.fault(fault))?;
        let checkpoints = Checkpoints::start(location.path(), Bounds::for_bytes(wal_bytes))
            .map_err(|error| at.start(error))?;
        let changes = batches.changes();
        let (news, head) = watch::channel(Ok(batches.head()));
        let writer = Writer::start(batches, checkpoints, news).map_err(|error| at.io(error))?;
        Ok(Self {
            readers: Readers::start(location.path(), readers).map_err(|error| at.start(error))?,
            snapshots: Snapshots::start(&location, Access::ReadWrite)
                .map_err(|error| at.io(error))?,
            mode: Mode::Writing { writer, head, changes, _lock: lock },
            log_id,
        })
    }

    pub(crate) fn open_for_reading(path: &Path, settings: &Settings) -> Result<Self, OpenError> {
        let Settings { readers, integrity, .. } = *settings;
        let location = Location::resolve(path).map_err(|error| At(path).io(error))?;
        let at = At(location.path());
        let log_id = open::for_reading(&location, integrity)?;
        let poller = Poller::start(location.path()).map_err(|error| at.start(error))?;
        Ok(Self {
            readers: Readers::start(location.path(), readers).map_err(|error| at.start(error))?,
            snapshots: Snapshots::start(&location, Access::ReadOnly)
                .map_err(|error| at.io(error))?,
            mode: Mode::Reading { poller },
            log_id,
        })
    }

    /// Searches the part of the log that the writer should not have to.
    ///
    /// Page by page, each a job of its own: a search through a long log then takes its turns with
    /// other reads, and ends when nobody waits for it any more.
    async fn search_ahead(&self, append: &mut PreparedAppend, head: Position) {
        let Some(unless) = append.far_reaching_query(head, CONDITION_EVENTS_MAX).cloned() else {
            return;
        };
        let mut read = Read::query(unless.query).after(unless.after).up_to(head).limit(1);
        while append.known.is_none() {
            // The writer then meets the same trouble, and words it.
            let Ok(page) = self.read(read.clone()).await else { return };
            append.known = match page.events.first() {
                Some(event) => Some(Known::Match(event.position)),
                None if page.has_more => None,
                None => Some(Known::NoneThrough(head)),
            };
            read = read.after(page.through);
        }
    }
}

impl EventStore for SqliteStore {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let Mode::Writing { writer, head, .. } = &self.mode else {
                return Err(Stopped::ReadOnly.closed());
            };
            let mut append = PreparedAppend::new(append);
            let head = head.borrow().as_ref().map_or(Position::ZERO, |head| *head);
            self.search_ahead(&mut append, head).await;
            writer.append(append).await
        })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(
            self.readers
                .run(move |reader| page::read(&reader.connection, &mut reader.decoder, &read)),
        )
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            if let Mode::Writing { head, .. } = &self.mode
                && let Ok(head) = &*head.borrow()
            {
                return Ok(*head);
            }
            self.readers
                .run(|reader| {
                    log::head(&reader.connection)
                        .map_err(|fault| fault.into_read_error(Position::ZERO))
                })
                .await
        })
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        match &self.mode {
            Mode::Writing { writer, head, .. } => Box::pin(async move {
                let news = head::wait_past(head.clone(), position).await?;
                news.ok_or_else(|| ReadError::Closed { source: writer.reason().into() })
            }),
            Mode::Reading { poller } => Box::pin(poller.wait_past(position)),
        }
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(self.readers.run(move |reader| {
            log::find_command(&reader.connection, id)
                .map_err(|fault| fault.into_read_error(Position::ZERO))
        }))
    }

    fn log_id(&self) -> LogId {
        self.log_id
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        match &self.mode {
            Mode::Writing { changes, .. } => changes.are_none_since(stream, position),
            Mode::Reading { .. } => false,
        }
    }
}

impl SnapshotStore for SqliteStore {
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(self.snapshots.save(snapshot))
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(self.snapshots.load(Key { stream, state_version, up_to }))
    }
}

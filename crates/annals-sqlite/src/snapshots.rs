//! Snapshots, in a file of their own beside the log.
//!
//! They can be made again from the events at any time, so nothing here is flushed, nothing here
//! competes with the writer, and a file that is damaged or something else is made anew.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use annals_core::{EventId, Json, Sequence, Snapshot, SnapshotError, StreamId};
use async_channel::{Receiver, Sender};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::location::Location;
use crate::schema::Identity;
use crate::{connection, schema};

/// Requests waiting for the thread; further ones wait in their callers.
const QUEUE_MAX: usize = 256;
/// What the file of snapshots says it is: "AnnS" as a number, first form.
const IDENTITY: Identity = Identity { application_id: 0x416e_6e53, version: 1 };

/// Whether this process may write beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// The thread that keeps snapshots.
#[derive(Debug)]
pub(crate) struct Snapshots {
    requests: Sender<Request>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Request {
    Save(Snapshot, oneshot::Sender<Result<(), SnapshotError>>),
    Load(Key, oneshot::Sender<Result<Option<Snapshot>, SnapshotError>>),
}

/// Which snapshot is asked for.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) stream: StreamId,
    pub(crate) state_version: u32,
    pub(crate) up_to: Sequence,
}

impl Snapshots {
    pub(crate) fn start(location: &Location, access: Access) -> io::Result<Self> {
        let (requests, queue) = async_channel::bounded(QUEUE_MAX);
        let mut file = SnapshotFile { location: location.clone(), access, connection: None };
        let thread = thread::Builder::new()
            .name("annals-snapshot".to_owned())
            .spawn(move || serve(&mut file, &queue))?;
        Ok(Self { requests, thread: Some(thread) })
    }

    pub(crate) async fn save(&self, snapshot: Snapshot) -> Result<(), SnapshotError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Save(snapshot, answer)).await?;
        answered.await.map_err(|_| closed())?
    }

    pub(crate) async fn load(&self, key: Key) -> Result<Option<Snapshot>, SnapshotError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Load(key, answer)).await?;
        answered.await.map_err(|_| closed())?
    }

    async fn ask(&self, request: Request) -> Result<(), SnapshotError> {
        self.requests.send(request).await.map_err(|_| closed())
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        self.requests.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn closed() -> SnapshotError {
    SnapshotError("the store is closed".into())
}

fn serve(file: &mut SnapshotFile, queue: &Receiver<Request>) {
    while let Ok(request) = queue.recv_blocking() {
        match request {
            Request::Save(snapshot, answer) => {
                let _ = answer.send(file.save(&snapshot));
            }
            Request::Load(key, answer) => {
                let _ = answer.send(file.load(&key));
            }
        }
    }
}

/// The file, opened when it is first needed.
struct SnapshotFile {
    location: Location,
    access: Access,
    connection: Option<Connection>,
}

impl SnapshotFile {
    fn save(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        if self.access == Access::ReadOnly {
            return Err(SnapshotError("the store was opened for reading only".into()));
        }
        self.with_connection(|connection| save(connection, snapshot))
    }

    fn load(&mut self, key: &Key) -> Result<Option<Snapshot>, SnapshotError> {
        if self.access == Access::ReadOnly && !self.path().exists() {
            return Ok(None);
        }
        self.with_connection(|connection| load(connection, key))
    }

    fn path(&self) -> PathBuf {
        self.location.beside("-snapshot")
    }

    /// Does `work`; if that fails, the file is made anew and gets a second chance.
    fn with_connection<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SnapshotError> {
        match self.open().and_then(&work) {
            Ok(value) => Ok(value),
            Err(error) if self.access == Access::ReadWrite && is_worth_anew(&error) => {
                tracing::warn!(%error, "the file of snapshots is of no use and is made anew");
                self.remove().map_err(|error| SnapshotError(error.into()))?;
                let again = self.open().and_then(work);
                again.map_err(|error| SnapshotError(error.into()))
            }
            Err(error) => {
                self.connection = None;
                Err(SnapshotError(error.into()))
            }
        }
    }

    fn open(&mut self) -> rusqlite::Result<&Connection> {
        let path = self.path();
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.access == Access::ReadOnly => connection::reader(&path)?,
            None => create_or_open(&path)?,
        };
        Ok(self.connection.insert(connection))
    }

    fn remove(&mut self) -> io::Result<()> {
        self.connection = None;
        for suffix in ["-snapshot", "-snapshot-wal", "-snapshot-shm", "-snapshot-journal"] {
            match fs::remove_file(self.location.beside(suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Trouble that a new file would not have. Another process or a full disk is not of that kind.
fn is_worth_anew(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    !matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | DiskFull))
}

fn create_or_open(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, access)?;
    connection.execute_batch(include_str!("sql/snapshot_connection.sql"))?;
    if schema::identity(&connection)? != IDENTITY {
        // Fails if there are tables already: then it is another file.
        let transaction = connection.transaction()?;
        transaction.execute_batch(include_str!("sql/snapshot_schema.sql"))?;
        transaction.commit()?;
    }
    Ok(connection)
}

fn save(connection: &Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    connection.prepare_cached(include_str!("sql/snapshot_save.sql"))?.execute((
        snapshot.stream.aggregate_type(),
        snapshot.stream.aggregate_id(),
        snapshot.state_version,
        snapshot.sequence.as_i64(),
        &snapshot.event_id.as_uuid().as_bytes()[..],
        snapshot.state.as_str(),
        snapshot.checksum,
    ))?;
    Ok(())
}

fn load(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Snapshot>> {
    let place = (
        key.stream.aggregate_type(),
        key.stream.aggregate_id(),
        key.state_version,
        key.up_to.as_i64(),
    );
    connection
        .prepare_cached(include_str!("sql/snapshot_load.sql"))?
        .query_row(place, |row| {
            let sequence: i64 = row.get(0)?;
            let event_id: [u8; 16] = row.get(1)?;
            Ok(Snapshot {
                stream: key.stream.clone(),
                sequence: sequence
                    .try_into()
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, sequence))?,
                event_id: EventId::from_uuid(Uuid::from_bytes(event_id)),
                state_version: key.state_version,
                state: Json::from_stored(row.get_ref(2)?.as_str()?),
                checksum: row.get(3)?,
            })
        })
        .optional()
}

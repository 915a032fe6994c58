//! Opening a log, or refusing to.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use annals_core::LogId;
use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use crate::connection;
use crate::fault::Fault;
use crate::integrity::{self, Integrity};
use crate::location::Location;
use crate::lock::{Holder, Lock, LockError};
use crate::log;
use crate::reader::StartError;
use crate::schema::{self, APPLICATION_ID, Identity};

/// Bytes written again at once.
const FLUSH_AGAIN_BYTES: usize = 1024 * 1024;

/// Why a log was not opened: one variant for each thing the caller can do next. Nothing was made
/// or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is something else. Choose another path.
    #[error("{} is not an Annals log", path.display())]
    NotAnnals {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer release. Use that one.
    #[error("{} has format {found}, this release knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The newest format this release knows.
        known: u32,
    },
    /// Another process (or another handle in this one) writes to the log. Close it there, or open
    /// the log for reading only.
    #[error("{} is held for writing by {by}", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// Who holds it.
        by: Holder,
    },
    /// The log is not whole. Restore it from a backup or a replica.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// The operating system said no: no such folder, no permission, disk full.
    #[error("{} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// SQLite said no for a reason of its own.
    #[error("{} cannot be opened", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: rusqlite::Error,
    },
}

/// Words what went wrong with the log at a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a>(pub(crate) &'a Path);

impl At<'_> {
    fn path(self) -> PathBuf {
        self.0.to_owned()
    }

    pub(crate) fn io(self, source: io::Error) -> OpenError {
        OpenError::Io { path: self.path(), source }
    }

    pub(crate) fn sqlite(self, error: rusqlite::Error) -> OpenError {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::NotAnnals { path: self.path() },
            Some(ErrorCode::DatabaseCorrupt) => self.damaged(error.to_string()),
            _ => OpenError::Sqlite { path: self.path(), source: error },
        }
    }

    pub(crate) fn fault(self, fault: Fault) -> OpenError {
        match fault {
            Fault::Sqlite(error) => self.sqlite(error),
            damaged @ Fault::Damaged { .. } => self.damaged(damaged.to_string()),
        }
    }

    pub(crate) fn start(self, error: StartError) -> OpenError {
        match error {
            StartError::Sqlite(error) => self.sqlite(error),
            StartError::Thread(error) => self.io(error),
        }
    }

    fn damaged(self, detail: impl Into<String>) -> OpenError {
        OpenError::Damaged { path: self.path(), detail: detail.into() }
    }

    /// Refuses what is not ours, or too new.
    fn check_identity(self, identity: Identity) -> Result<(), OpenError> {
        let known = schema::known_version();
        match identity {
            Identity { application_id, .. } if application_id != APPLICATION_ID => {
                Err(OpenError::NotAnnals { path: self.path() })
            }
            Identity { version: 0, .. } => Err(self.damaged("it has no format version")),
            Identity { version: found, .. } if found > known => {
                Err(OpenError::Newer { path: self.path(), found, known })
            }
            Identity { .. } => Ok(()),
        }
    }
}

/// Opens the log for the one writer, making it if there is none.
pub(crate) fn for_writing(
    location: &Location,
    integrity: Integrity,
) -> Result<(Lock, Connection), OpenError> {
    let at = At(location.path());
    if location.is_present().map_err(|error| at.io(error))? {
        inspect(location)?;
    }
    let lock = Lock::acquire(&location.beside("-lock")).map_err(|error| match error {
        LockError::Held(by) => OpenError::Held { path: at.path(), by },
        LockError::Io(error) => at.io(error),
    })?;
    // Only now is it certain that nobody else makes it at the same time.
    if !location.is_present().map_err(|error| at.io(error))? {
        create(location)?;
    }
    flush_again(&location.beside("-wal")).map_err(|error| at.io(error))?;
    let mut log = connection::writer(location.path()).map_err(|error| at.sqlite(error))?;
    let identity = schema::identity(&log).map_err(|error| at.sqlite(error))?;
    at.check_identity(identity)?;
    schema::migrate(&mut log, identity.version).map_err(|error| at.sqlite(error))?;
    verify(at, &log, integrity)?;
    connection::keep(&log).map_err(|error| at.sqlite(error))?;
    // The names of the log and of the write-ahead log, which exists now. SQLite flushes the folder
    // too, but does not look whether that succeeds.
    location.flush_folder().map_err(|error| at.io(error))?;
    Ok((lock, log))
}

/// Looks at a log that another process may write to, and gives its name.
pub(crate) fn for_reading(location: &Location, integrity: Integrity) -> Result<LogId, OpenError> {
    let at = At(location.path());
    if !location.is_present().map_err(|error| at.io(error))? {
        return Err(at.io(io::ErrorKind::NotFound.into()));
    }
    inspect(location)?;
    let file = connection::reader(location.path()).map_err(|error| at.sqlite(error))?;
    at.check_identity(schema::identity(&file).map_err(|error| at.sqlite(error))?)?;
    verify(at, &file, integrity)?;
    log::log_id(&file).map_err(|error| at.sqlite(error))
}

/// Tells from the database file alone whether it may be opened: opening a write-ahead log properly
/// makes files beside it, and somebody else's is not ours to touch.
///
/// It is SQLite that looks, not we: closing a handle of our own would release the locks that
/// another connection of this process holds on the same file.
fn inspect(location: &Location) -> Result<(), OpenError> {
    let at = At(location.path());
    let identity = connection::inspector(&location.immutable_uri())
        .and_then(|file| schema::identity(&file))
        .map_err(|error| at.sqlite(error))?;
    at.check_identity(identity)
}

/// Makes a log beside its place and moves it there whole: whoever finds a log finds all of it.
fn create(location: &Location) -> Result<(), OpenError> {
    let at = At(location.path());
    let wal = fs::metadata(location.beside("-wal"));
    if wal.is_ok_and(|wal| wal.len() > 0) {
        // Acknowledged events may be in there, and a new log would destroy them.
        return Err(at.damaged("its write-ahead log is there, the file itself is not"));
    }
    let unfinished = location.beside("-new");
    for leftover in ["-new", "-new-journal", "-new-wal", "-new-shm"] {
        match fs::remove_file(location.beside(leftover)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at.io(error)),
            _ => {}
        }
    }
    let build = || -> rusqlite::Result<()> {
        let mut log = connection::create(&unfinished)?;
        schema::migrate(&mut log, 0)?;
        log.execute_batch(include_str!("sql/writer_connection.sql"))?;
        log.close().map_err(|(_, error)| error)
    };
    build().map_err(|error| at.sqlite(error))?;
    let publish = || {
        fs::OpenOptions::new().write(true).open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, location.path())?;
        location.flush_folder()
    };
    publish().map_err(|error| at.io(error))
}

/// Makes certain that what a file shows is on the disk, by writing it again where it stands.
///
/// After a flush has failed, a system may go on showing pages that never reached the disk, and
/// call the next flush of them a success. Whatever a process before us has left in the write-ahead
/// log is therefore only trusted, copied and acknowledged once it has been flushed anew. Other
/// processes may read meanwhile: no byte changes.
fn flush_again(path: &Path) -> io::Result<()> {
    let mut file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut piece = vec![0; FLUSH_AGAIN_BYTES];
    let mut offset = 0;
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(piece.get(..length).unwrap_or_default())?;
        offset += length as u64;
    }
}

fn verify(at: At<'_>, log: &Connection, integrity: Integrity) -> Result<(), OpenError> {
    if let Some(name) = schema::first_difference(log).map_err(|error| at.sqlite(error))? {
        return Err(at.damaged(format!("{name} is not as it was made")));
    }
    match integrity::check(log, integrity).map_err(|fault| at.fault(fault))? {
        Some(finding) => Err(at.damaged(finding)),
        None => Ok(()),
    }
}

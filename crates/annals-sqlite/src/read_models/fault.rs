//! What can go wrong inside, before it becomes an error of the contract.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_core::{ApplyError, BoxError, ReadModelsError};
use rusqlite::ErrorCode;
use thiserror::Error;

use crate::fault::is_damage;

/// Something was not done, and nothing was changed.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// SQLite could not do it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The system could not do it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not to be done, for a reason that the caller understands.
    #[error(transparent)]
    Told(#[from] ReadModelsError),
    /// The lease is over.
    #[error("the lease on the partition is over")]
    Fenced,
    /// The code of the projection, or its rows, are at fault.
    #[error(transparent)]
    Rejected(BoxError),
    /// The thread that would have done it has ended.
    #[error("the read models are closed")]
    Closed,
}

impl Fault {
    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::Told(ReadModelsError::NotFound { what: what.into() })
    }

    pub(super) fn moved(what: impl Into<String>) -> Self {
        Self::Told(ReadModelsError::Moved { what: what.into() })
    }

    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Told(ReadModelsError::Refused { reason: reason.into() })
    }

    /// What an error of the projection's code means: a database that cannot write now says nothing
    /// about the rows, anything else would happen again.
    pub(super) fn of_projection(error: BoxError) -> Self {
        let is_passing = causes(&*error)
            .filter_map(|cause| cause.downcast_ref::<rusqlite::Error>())
            .any(|cause| is_of_the_moment(cause) || is_damage(cause));
        match error.downcast::<rusqlite::Error>() {
            Ok(error) if is_passing => Self::Sqlite(*error),
            Ok(error) => Self::Rejected(error),
            Err(error) if is_passing => Self::Told(ReadModelsError::Unavailable { source: error }),
            Err(error) => Self::Rejected(error),
        }
    }
}

/// Does `work`, which may call the projection's code: its panic is an error like others, and not
/// the end of the thread. What `work` had open is rolled back when it unwinds.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Err(Fault::Rejected(format!("the code of the projection panicked: {said}").into()))
    })
}

/// An error and what caused it.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// An error with its causes, as one text.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether SQLite could not do now what it can do later.
fn is_of_the_moment(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
        OperationAborted, OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly,
        SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | OperationAborted
                | OperationInterrupted
                | OutOfMemory
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

impl From<Fault> for ReadModelsError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Told(error) => error,
            Fault::Sqlite(error) if is_damage(&error) => Self::Refused {
                reason: format!(
                    "a file of the read models is damaged ({error}): retire the generation that \
                     cannot be read, and rebuild it"
                ),
            },
            Fault::Sqlite(error) if is_of_the_moment(&error) => Self::unavailable(error),
            Fault::Sqlite(error) => {
                Self::Refused { reason: format!("the read database refuses it: {error}") }
            }
            Fault::Io(error) => Self::unavailable(error),
            Fault::Fenced => Self::Moved { what: "the lease".to_owned() },
            Fault::Rejected(error) => Self::Refused { reason: with_causes(&*error) },
            closed @ Fault::Closed => Self::unavailable(closed),
        }
    }
}

impl From<Fault> for ApplyError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Fenced | Fault::Told(ReadModelsError::NotFound { .. }) => Self::Fenced,
            Fault::Told(ReadModelsError::Unavailable { source }) => Self::Unavailable { source },
            Fault::Told(error) => Self::Unavailable { source: error.into() },
            Fault::Sqlite(error) if is_of_the_moment(&error) || is_damage(&error) => {
                Self::Unavailable { source: error.into() }
            }
            Fault::Sqlite(error) => Self::Rejected { source: error.into() },
            Fault::Rejected(source) => Self::Rejected { source },
            Fault::Io(error) => Self::Unavailable { source: error.into() },
            closed @ Fault::Closed => Self::Unavailable { source: closed.into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[derive(Debug, Error)]
    #[error("the row of the account could not be written")]
    struct Wrapped(#[source] rusqlite::Error);

    #[test]
    fn busy_disk_behind_an_error_of_the_projection_is_no_fault_of_its_rows() {
        use rusqlite::ffi;
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_CORRUPT] {
            for error in [BoxError::from(sqlite(code)), Wrapped(sqlite(code)).into()] {
                let error = ApplyError::from(Fault::of_projection(error));
                assert!(matches!(error, ApplyError::Unavailable { .. }), "{code}: {error:?}");
            }
        }
        for code in [ffi::SQLITE_CONSTRAINT, ffi::SQLITE_ERROR, ffi::SQLITE_MISMATCH] {
            for error in [BoxError::from(sqlite(code)), Wrapped(sqlite(code)).into()] {
                let error = ApplyError::from(Fault::of_projection(error));
                assert!(matches!(error, ApplyError::Rejected { .. }), "{code}: {error:?}");
            }
        }
        let own = ApplyError::from(Fault::of_projection("no such account".into()));
        assert!(matches!(own, ApplyError::Rejected { .. }), "{own:?}");
    }
}

//! Connections, each for its purpose.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Longest wait for a lock that another process holds (an operator with the `sqlite3` tool, say).
/// Our own connections never wait for each other.
pub(crate) const BUSY_MAX: Duration = Duration::from_secs(5);

/// Pause before something is tried again that SQLite does not wait for itself.
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// Statements a connection keeps prepared: all that reading uses.
const STATEMENTS_KEPT: usize = 32;

/// Statements a connection keeps prepared that writes read models: our own, and those of all but
/// the largest projections.
const READ_MODEL_STATEMENTS_KEPT: usize = 128;

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    keep_plans(&connection)?;
    Ok(connection)
}

/// Has a statement keep its plan, whatever is bound to it.
///
/// Else SQLite peeks at the number bound to a `LIMIT`, and parses the statement anew each time it
/// is used: that was a tenth of all a read took.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// The connection that makes a new file, at a path where there is none.
pub(crate) fn create(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.execute_batch(include_str!("sql/new_database.sql"))?;
    Ok(connection)
}

/// The connection that writes. Until [`keep`] it leaves the file as it is when it is dropped.
pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    leave(&connection)?;
    Ok(connection)
}

/// Has the connection tidy up behind the last one that is closed.
pub(crate) fn keep(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.execute_batch(include_str!("sql/writer_connection.sql"))
}

/// Has the connection leave the files as they are when it is closed.
pub(crate) fn leave(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}

/// The connection that copies the write-ahead log beside the writer.
pub(crate) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(include_str!("sql/checkpoint_connection.sql"))?;
    Ok(connection)
}

/// The connection that writes to the catalog of the read models.
pub(crate) fn catalog_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // Several that make a new file at the same time change its journal at the same time. Each would
    // wait for the other, so SQLite has one of them fail at once, however long it may wait.
    let sql = include_str!("sql/read_models/catalog_connection.sql");
    let deadline = Instant::now() + BUSY_MAX;
    while let Err(error) = connection.execute_batch(sql) {
        let is_busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if !is_busy || Instant::now() > deadline {
            return Err(error);
        }
        thread::sleep(BUSY_PAUSE);
    }
    Ok(connection)
}

/// The connection that writes to a generation of a read model.
pub(crate) fn read_model_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(include_str!("sql/read_models/generation_connection.sql"))?;
    connection.set_prepared_statement_cache_capacity(READ_MODEL_STATEMENTS_KEPT);
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch(include_str!("sql/reader_connection.sql"))?;
    Ok(connection)
}

/// A look at the beginning of a database file that makes and changes nothing.
///
/// The file alone may be inconsistent, as its newest pages are in the write-ahead log; what is
/// called a writable schema keeps SQLite from taking that for damage.
pub(crate) fn inspector(uri: &str) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = open(Path::new(uri), access)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound_to_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log.db");
        create(&path).unwrap().execute_batch(include_str!("sql/schema.sql")).unwrap();
        let connection = reader(&path).unwrap();
        let mut statement = connection.prepare(include_str!("sql/stream_page.sql")).unwrap();
        for limit in 1..=3 {
            assert!(statement.query(("account", "a", 0, limit)).unwrap().next().unwrap().is_none());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}

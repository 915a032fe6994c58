//! The file of one generation.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use annals_core::{BoxError, Generation, GenerationKey, Partition, Position};
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::row;
use crate::schema::{self, Identity};
use crate::{connection, fault};

/// What the file of a generation says it is: "AnnG" as a number, first form.
const IDENTITY: Identity = Identity { application_id: 0x416e_6e47, version: 1 };

/// Everything SQLite keeps beside a file.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Makes the file of a new generation, with the tables that `make` makes, and flushes it: the
/// catalog names no file that could be gone or half of it.
pub(super) fn create(
    path: &Path,
    generation: &Generation,
    make: impl FnOnce(&Connection) -> Result<(), BoxError>,
) -> Result<(), Fault> {
    remove(path)?;
    let build = || {
        let mut file = connection::create(path)?;
        file.execute_batch(include_str!("../sql/read_models/generation_new.sql"))?;
        let transaction = file.transaction()?;
        fill(&transaction, generation)?;
        make(&transaction).map_err(Fault::of_projection)?;
        refuse_our_names(&transaction)?;
        transaction.commit()?;
        file.close().map_err(|(_, error)| error)?;
        flush(path)?;
        Ok(())
    };
    build().inspect_err(|_: &Fault| {
        // If that fails as well, the next opening of the folder does it.
        let _ = remove(path);
    })
}

fn fill(file: &Connection, generation: &Generation) -> rusqlite::Result<()> {
    file.execute_batch(include_str!("../sql/read_models/generation_schema.sql"))?;
    let key = (&generation.key.projection, generation.key.number);
    file.execute(include_str!("../sql/read_models/identity_insert.sql"), key)?;
    let mut insert = file.prepare(include_str!("../sql/read_models/partition_insert.sql"))?;
    for partition in Partition::all(generation.partitions) {
        insert.execute([partition.get()])?;
    }
    Ok(())
}

fn refuse_our_names(file: &Connection) -> Result<(), Fault> {
    if file.is_autocommit() {
        return Err(Fault::refused("the projection has ended the transaction that is not its own"));
    }
    let sql = include_str!("../sql/read_models/foreign_tables.sql");
    let foreign: Option<String> = file.query_row(sql, [], |row| row.get(0)).optional()?;
    match foreign {
        Some(name) => Err(Fault::refused(format!(
            "{name} begins with annals_, as only the tables do that are not the projection's: \
             rename it"
        ))),
        None => Ok(()),
    }
}

fn flush(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Opens the file of a generation for writing.
pub(super) fn writer(path: &Path, key: &GenerationKey) -> Result<Connection, Fault> {
    let file = connection::read_model_writer(path).map_err(|error| unusable(path, error))?;
    check(&file, path, key)?;
    Ok(file)
}

/// Opens the file of a generation for reading.
pub(super) fn reader(path: &Path, key: &GenerationKey) -> Result<Connection, Fault> {
    let file = connection::reader(path).map_err(|error| unusable(path, error))?;
    check(&file, path, key)?;
    Ok(file)
}

fn check(file: &Connection, path: &Path, key: &GenerationKey) -> Result<(), Fault> {
    let found = schema::identity(file).map_err(|error| unusable(path, error))?;
    if found.application_id == IDENTITY.application_id && found.version > IDENTITY.version {
        return Err(Fault::refused(format!(
            "{} has format {}, this release knows formats up to {}: use the newer release",
            path.display(),
            found.version,
            IDENTITY.version
        )));
    }
    let of = |row: &rusqlite::Row<'_>| {
        Ok(GenerationKey { projection: row.get(0)?, number: row.get(1)? })
    };
    let sql = include_str!("../sql/read_models/identity.sql");
    let is_it = found == IDENTITY
        && file.query_row(sql, [], of).map_err(|error| unusable(path, error))? == *key;
    if is_it { Ok(()) } else { Err(not_it(path)) }
}

fn not_it(path: &Path) -> Fault {
    Fault::refused(format!(
        "{} is not the file of this generation: put it back, or retire the generation and \
         rebuild it",
        path.display()
    ))
}

fn unusable(path: &Path, error: rusqlite::Error) -> Fault {
    use rusqlite::ErrorCode::{CannotOpen, NotADatabase};
    match error.sqlite_error_code() {
        Some(NotADatabase) => not_it(path),
        Some(CannotOpen) if !path.exists() => Fault::refused(format!(
            "{} is missing: put it back, or retire the generation and rebuild it",
            path.display()
        )),
        _ if fault::is_damage(&error) => Fault::refused(format!(
            "{} is damaged ({error}): retire the generation and rebuild it",
            path.display()
        )),
        _ => error.into(),
    }
}

/// Whether the generation was retired while the file was open.
pub(super) fn is_retired(file: &Connection) -> rusqlite::Result<bool> {
    let mut statement = file.prepare_cached(include_str!("../sql/read_models/identity.sql"))?;
    statement.query_row([], |row| row.get(2))
}

/// Ends all writing to the file, in every process that has it open.
pub(super) fn retire(path: &Path, key: &GenerationKey) -> Result<(), Fault> {
    let mut file = writer(path, key)?;
    let transaction = file.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute(include_str!("../sql/read_models/identity_retire.sql"), [])?;
    transaction.execute(include_str!("../sql/read_models/partition_fence.sql"), [])?;
    Ok(transaction.commit()?)
}

/// Ends all leases and forgets who had them.
pub(super) fn end_leases(path: &Path, key: &GenerationKey) -> Result<(), Fault> {
    let mut file = writer(path, key)?;
    let transaction = file.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute(include_str!("../sql/read_models/partition_fence.sql"), [])?;
    transaction.execute(include_str!("../sql/read_models/worker_forget_all.sql"), [])?;
    Ok(transaction.commit()?)
}

/// Removes the file and what is beside it. Whoever has it open reads on undisturbed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for suffix in SUFFIXES {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Begins the view of a transaction that has read nothing yet: from now on it stands still.
pub(super) fn begin_view(file: &Connection) -> rusqlite::Result<()> {
    file.prepare_cached(include_str!("../sql/read_models/view_begin.sql"))?
        .query_row([], |_| Ok(()))
}

/// All partitions are at least this far.
pub(super) fn lowest_position(file: &Connection) -> rusqlite::Result<Position> {
    file.prepare_cached(include_str!("../sql/read_models/position_lowest.sql"))?
        .query_row([], |row| row::position(row, 0))
}

//! Opening a folder of read models, or refusing to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_core::{Clock, SystemClock};
use rusqlite::{Connection, TransactionBehavior};
use thiserror::Error;

use super::fault::Fault;
use super::folder::Folder;
use super::keeper::Keeper;
use super::readers::Readers;
use super::{SqliteReadModels, catalog, generation_file};
use crate::connection;
use crate::fault::is_damage;
use crate::location::Location;
use crate::schema::{self, Identity};
use crate::telemetry::{LOOKUPS, QUERIES};
use crate::{READERS_DEFAULT, READERS_MAX};

/// What the catalog says it is: "AnnR" as a number, first form.
const IDENTITY: Identity = Identity { application_id: 0x416e_6e52, version: 1 };

/// Why a folder of read models was not opened: one variant for each thing the caller can do next.
/// Read models can always be made again: where nothing else helps, remove the folder and rebuild.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenReadModelsError {
    /// There is something else. Choose another folder.
    #[error("{} is not a catalog of Annals read models", path.display())]
    NotReadModels {
        /// The file.
        path: PathBuf,
    },
    /// The catalog was written by a newer release. Use that one.
    #[error("{} has format {found}, this release knows formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The newest format this release knows.
        known: u32,
    },
    /// The catalog is damaged. Remove the folder, and rebuild from the log.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The system or SQLite said no. The source says why.
    #[error("{} cannot be opened", path.display())]
    Unavailable {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: annals_core::BoxError,
    },
}

/// How a folder of read models is opened. Start with [`SqliteReadModels::options`].
#[derive(Debug, Clone)]
pub struct ReadModelsOptions {
    readers: usize,
    clock: Arc<dyn Clock>,
    takes_over: bool,
}

impl Default for ReadModelsOptions {
    fn default() -> Self {
        Self { readers: READERS_DEFAULT, clock: Arc::new(SystemClock), takes_over: false }
    }
}

impl ReadModelsOptions {
    /// Answers queries with `count` threads; values outside 1 to [`READERS_MAX`] are moved to the
    /// nearest end of that range.
    #[must_use]
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.clamp(1, READERS_MAX);
        self
    }

    /// Measures leases by `clock`: all processes that have the folder open must agree on the time.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Ends all leases, so that the work of whoever had them is taken up at once and not when they
    /// run out. For a process that knows that they are of one that has ended, because only one at a
    /// time can be what it is, such as the one that has the log's file for writing.
    ///
    /// Should somebody have one after all, he writes nothing more by it, claims anew, and has lost
    /// a little time.
    #[must_use]
    pub fn taking_over(mut self) -> Self {
        self.takes_over = true;
        self
    }

    /// Opens the read models in `folder`, making it if there is none, and removes what a process
    /// that was killed has left half done.
    ///
    /// It blocks, for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`OpenReadModelsError`], whose variants say what to do next.
    pub fn open(self, folder: impl AsRef<Path>) -> Result<SqliteReadModels, OpenReadModelsError> {
        let Self { readers, clock, takes_over } = self;
        let path = folder.as_ref();
        let made = fs::create_dir_all(path).and_then(|()| fs::canonicalize(path));
        let folder = Arc::new(Folder::new(made.map_err(|error| unavailable(path, error))?));
        let file = folder.catalog();
        let at = |fault: Fault| explain(&file, fault);
        let mut catalog = open_catalog(&file)?;
        remove_leftovers(&mut catalog, &folder).map_err(at)?;
        if takes_over {
            for key in catalog::keys(&catalog).map_err(Fault::from).map_err(at)? {
                // Whoever works on a file that cannot be used hears why. Its leases run out.
                let _ = generation_file::end_leases(&folder.generation(&key), &key);
            }
        }
        let catalog = Keeper::start("annals-catalog", catalog).map_err(Fault::from).map_err(at)?;
        let queries = Readers::start(QUERIES, &folder, readers).map_err(at)?;
        let lookups = Readers::start(LOOKUPS, &folder, 1).map_err(at)?;
        let keepers = Default::default();
        Ok(SqliteReadModels { queries, lookups, catalog, keepers, folder, clock })
    }
}

fn unavailable(path: &Path, source: impl Into<annals_core::BoxError>) -> OpenReadModelsError {
    OpenReadModelsError::Unavailable { path: path.to_owned(), source: source.into() }
}

fn explain(path: &Path, fault: Fault) -> OpenReadModelsError {
    let path = path.to_owned();
    match fault {
        Fault::Sqlite(error) if is_not_a_database(&error) => {
            OpenReadModelsError::NotReadModels { path }
        }
        Fault::Sqlite(error) if is_damage(&error) => {
            OpenReadModelsError::Damaged { path, detail: error.to_string() }
        }
        Fault::Sqlite(error) => OpenReadModelsError::Unavailable { path, source: error.into() },
        fault => OpenReadModelsError::Unavailable { path, source: fault.into() },
    }
}

fn is_not_a_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase)
}

fn open_catalog(path: &Path) -> Result<Connection, OpenReadModelsError> {
    let at = |fault: Fault| explain(path, fault);
    refuse_foreign(path)?;
    let prepare = || {
        let mut catalog = connection::catalog_writer(path)?;
        make_tables(&mut catalog)?;
        let sql = include_str!("../sql/quick_check.sql");
        let finding: String = catalog.query_row(sql, [], |row| row.get(0))?;
        Ok((schema::identity(&catalog)?, catalog, finding))
    };
    let (identity, catalog, finding) = prepare().map_err(at)?;
    check(path, identity)?;
    if finding != "ok" {
        return Err(OpenReadModelsError::Damaged { path: path.to_owned(), detail: finding });
    }
    Ok(catalog)
}

/// Tells from the file alone whether it is ours: somebody else's is not touched.
fn refuse_foreign(path: &Path) -> Result<(), OpenReadModelsError> {
    let look = || -> Result<Option<Identity>, Fault> {
        let location = Location::resolve(path)?;
        if !location.is_present()? {
            return Ok(None);
        }
        let file = connection::inspector(&location.immutable_uri())?;
        let identity = schema::identity(&file)?;
        // Somebody is making it at this moment, or was killed while doing so.
        let is_empty = object_count(&file)? == 0;
        let is_new = identity.application_id == 0 && identity.version == 0 && is_empty;
        Ok((!is_new).then_some(identity))
    };
    match look().map_err(|fault| explain(path, fault))? {
        Some(identity) => check(path, identity),
        None => Ok(()),
    }
}

fn object_count(file: &Connection) -> rusqlite::Result<i64> {
    let sql = include_str!("../sql/read_models/object_count.sql");
    file.query_row(sql, [], |row| row.get(0))
}

fn check(path: &Path, identity: Identity) -> Result<(), OpenReadModelsError> {
    let path = path.to_owned();
    let (known, found) = (IDENTITY.version, identity.version);
    if identity.application_id != IDENTITY.application_id {
        Err(OpenReadModelsError::NotReadModels { path })
    } else if found > known {
        Err(OpenReadModelsError::Newer { path, found, known })
    } else if found < known {
        Err(OpenReadModelsError::Damaged { path, detail: "it has no format".to_owned() })
    } else {
        Ok(())
    }
}

/// Makes the tables of a new catalog; of several processes that try, one does.
fn make_tables(catalog: &mut Connection) -> Result<(), Fault> {
    let transaction = catalog.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let identity = schema::identity(&transaction)?;
    // What was not ours a moment ago, in the write-ahead log of somebody else, is not ours now.
    if identity == (Identity { application_id: 0, version: 0 }) && object_count(&transaction)? == 0
    {
        transaction.execute_batch(include_str!("../sql/read_models/catalog_schema.sql"))?;
    }
    transaction.commit()?;
    Ok(())
}

fn remove_leftovers(catalog: &mut Connection, folder: &Folder) -> Result<(), Fault> {
    catalog::change(catalog, |catalog| Ok(folder.remove_leftovers(&catalog::keys(catalog)?)?))
}

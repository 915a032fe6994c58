//! Read models, in files beside the log.
//!
//! One folder holds those of an application: a catalog, and a file for each generation with the
//! projection's own tables and its checkpoints, dead letters and queues, so that one transaction
//! moves rows and checkpoint. They never compete with the log's writer for a lock and cost it no
//! flush; after a failure of the machine they are as at an earlier moment and catch up.

mod catalog;
mod checkpoints;
mod comparison;
mod dead_letters;
mod documents;
mod fault;
mod folder;
mod generation_file;
mod generations;
mod host;
mod keeper;
mod leases;
mod open;
mod readers;
mod row;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use annals_core::{BoxError, Clock, GenerationKey, ReadModelsError, Seen};
use rusqlite::Connection;

use fault::Fault;
use folder::Folder;
pub use host::SqliteProjection;
use keeper::Keeper;
pub use open::{OpenReadModelsError, ReadModelsOptions};
use readers::{Reader, Readers};

/// The read models of an application, in a folder of SQLite files.
///
/// It is a read database for the runner of projections ([`ReadModels`](annals_core::ReadModels),
/// and [`Hosts`](annals_core::Hosts) for every [`SqliteProjection`]), reads documents
/// ([`DocumentReader`](annals_core::DocumentReader)), and answers queries in SQL with
/// [`read`](SqliteReadModels::read). Any number of processes of one machine may have the same
/// folder open; leases divide the work between them, by the clock of the machine.
///
/// # Resources
///
/// As many threads answer queries as [`ReadModelsOptions::readers`] says, each in one view at a
/// time; one looks up what the runner asks for; at most 16 files more are kept open. One thread
/// writes for each generation that this process works on, and one for the catalog. No async runtime
/// is needed, and any will do. Dropping the handle waits until what was begun is done.
///
/// # Cancellation
///
/// A call whose future is dropped has been carried out or not, whole in either case. Dropped before
/// a thread took it up, it is not.
#[derive(Debug)]
pub struct SqliteReadModels {
    /// For queries, which may take their time.
    queries: Readers,
    /// For what is looked up on the way, which must not wait for queries: leases would run out.
    lookups: Readers,
    catalog: Keeper,
    /// The threads that write to generations, as far as this process has written to them.
    keepers: Mutex<HashMap<GenerationKey, Arc<Keeper>>>,
    folder: Arc<Folder>,
    clock: Arc<dyn Clock>,
}

impl SqliteReadModels {
    /// Opens the folder, making it if there is none. As `options().open(folder)`.
    ///
    /// # Errors
    ///
    /// As [`ReadModelsOptions::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenReadModelsError> {
        Self::options().open(folder)
    }

    /// Says how to open a folder.
    #[must_use]
    pub fn options() -> ReadModelsOptions {
        ReadModelsOptions::default()
    }

    /// Answers a query from the generation of `projection` that serves: `query` sees its tables, in
    /// one consistent view, on a connection that cannot write. The answer says how far the
    /// projection was in that very view.
    ///
    /// It runs on a thread for queries, so it may take its time; but there are only as many as
    /// [`ReadModelsOptions::readers`] says.
    ///
    /// ```
    /// # async fn example(read_models: annals_sqlite::SqliteReadModels)
    /// # -> Result<(), annals_core::ReadModelsError> {
    /// let total = read_models
    ///     .read("account_summary", |tables| {
    ///         let sql = "SELECT sum(balance) FROM account WHERE is_active";
    ///         Ok(tables.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))?)
    ///     })
    ///     .await?;
    /// println!("{} as of position {}", total.value, total.position);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if no generation of the projection serves,
    /// [`ReadModelsError::Unavailable`] if the file cannot be read now, and
    /// [`ReadModelsError::Refused`] with the error of `query` if that is at fault.
    pub async fn read<T: Send + 'static>(
        &self,
        projection: &str,
        query: impl FnOnce(&Connection) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<Seen<T>, ReadModelsError> {
        let query = |tables: &Connection| query(tables).map_err(Fault::of_projection);
        Ok(self.read_serving(projection, query).await?)
    }

    async fn read_serving<T: Send + 'static>(
        &self,
        projection: &str,
        query: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Seen<T>, Fault> {
        let projection = projection.to_owned();
        let read = move |reader: &Reader| {
            let seen = reader.read_serving(&projection, |generation, tables| {
                // The first to read: it takes the view that `query` then sees.
                let position = generation_file::lowest_position(tables)?;
                let (generation, log_id) = (generation.key.clone(), generation.log_id);
                Ok(Seen { value: query(tables)?, generation, log_id, position })
            })?;
            seen.ok_or_else(|| Fault::not_found(format!("generation of {projection} that serves")))
        };
        self.queries.run(read).await
    }

    /// Does `work` on the thread that writes to a generation.
    async fn write<T: Send + 'static>(
        &self,
        key: &GenerationKey,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let keeper = match self.keeper(key) {
            Some(keeper) => keeper,
            None => self.start_keeper(key).await?,
        };
        keeper.run(work).await
    }

    fn keeper(&self, key: &GenerationKey) -> Option<Arc<Keeper>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    async fn start_keeper(&self, key: &GenerationKey) -> Result<Arc<Keeper>, Fault> {
        let (folder, wanted) = (Arc::clone(&self.folder), key.clone());
        let open = move |reader: &Reader| {
            catalog::find(reader.catalog(), &wanted)?;
            generation_file::writer(&folder.generation(&wanted), &wanted)
        };
        let file = self.lookups.run(open).await?;
        let started = Arc::new(Keeper::start("annals-project", file)?);
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever was faster has written already: one file, one thread.
        Ok(Arc::clone(keepers.entry(key.clone()).or_insert(started)))
    }

    /// Ends the thread that writes to a generation that is no more.
    async fn dismiss(&self, key: &GenerationKey) {
        let dismissed = self.keepers.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(dismissed) = dismissed {
            // It is waited for, which is nothing for an executor.
            let wait = move |_: &Reader| {
                drop(dismissed);
                Ok(())
            };
            // Only fails when all is closed, and then it has ended anyway.
            let _ = self.lookups.run(wait).await;
        }
    }
}

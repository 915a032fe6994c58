//! Threads that read.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use annals_core::telemetry::{Pool, Stopwatch};
use annals_core::{Generation, GenerationKey};
use async_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::catalog;
use super::fault::{self, Fault};
use super::folder::Folder;
use super::generation_file;
use crate::connection;
use crate::telemetry::Usage;

/// Reads waiting for a thread; further ones wait in their callers.
const QUEUE_READS_MAX: usize = 1024;

/// Tries to read the generation that serves: another one may be switched to, and the one that was
/// looked at retired, between looking it up and opening it. Twice in a row takes two rebuilds.
const SERVING_ATTEMPTS: usize = 3;

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// What one thread reads with.
#[derive(Debug)]
pub(super) struct Reader {
    catalog: Connection,
    folder: Arc<Folder>,
    /// What `catalog` said of its version when we last closed what is no more.
    looked_at: i64,
}

impl Reader {
    fn open(folder: &Arc<Folder>) -> rusqlite::Result<Self> {
        let catalog = connection::reader(&folder.catalog())?;
        Ok(Self { catalog, folder: Arc::clone(folder), looked_at: 0 })
    }

    pub(super) fn catalog(&self) -> &Connection {
        &self.catalog
    }

    /// Does `work` in one consistent view of a generation.
    pub(super) fn read<T>(
        &self,
        key: &GenerationKey,
        work: impl FnOnce(&Generation, &Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let generation = catalog::find(&self.catalog, key)?;
        self.folder.read(key, |file| work(&generation, file)).map_err(|fault| {
            // Retired since we looked: then that is the reason.
            catalog::find(&self.catalog, key).err().unwrap_or(fault)
        })
    }

    /// Does `work` in one consistent view of the generation that serves; `None` if none does.
    pub(super) fn read_serving<T>(
        &self,
        projection: &str,
        work: impl FnOnce(&Generation, &Connection) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut work = Some(work);
        let mut attempts = 0;
        loop {
            let Some(generation) = catalog::serving(&self.catalog, projection)? else {
                return Ok(None);
            };
            attempts += 1;
            let outcome = self.folder.read(&generation.key, |file| {
                // What was switched away from may go on. Only a view that began while it served
                // shows no more than whoever took its place had to have.
                generation_file::begin_view(file)?;
                let serving = catalog::serving(&self.catalog, projection)?;
                if serving.is_none_or(|serving| serving.key != generation.key) {
                    return Ok(None);
                }
                let work = work.take().expect("it is taken only once a file is open");
                work(&generation, file).map(Some)
            });
            match outcome {
                Ok(None) => {}
                Err(_) if work.is_some() && attempts < SERVING_ATTEMPTS => {}
                outcome => return outcome,
            }
        }
    }

    /// Closes files of generations that another process has retired.
    fn close_retired(&mut self) -> rusqlite::Result<()> {
        let sql = include_str!("../sql/read_models/data_version.sql");
        let version = self.catalog.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        if version != self.looked_at {
            self.folder.close_others(&catalog::keys(&self.catalog)?);
            self.looked_at = version;
        }
        Ok(())
    }
}

/// A pool of threads that read: so many views at most are open at a time, whatever the number of
/// projections.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Pool,
    jobs: Sender<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(pool: Pool, folder: &Arc<Folder>, count: usize) -> Result<Self, Fault> {
        let (jobs, queue) = async_channel::bounded(QUEUE_READS_MAX);
        let mut readers = Self { pool, jobs, threads: Vec::with_capacity(count) };
        let usage = Arc::new(Usage::of(pool, count));
        for number in 0..count {
            let reader = Reader::open(folder)?;
            let (queue, usage) = (queue.clone(), Arc::clone(&usage));
            let thread = thread::Builder::new()
                .name(format!("annals-query-{number}"))
                .spawn(move || work_until_closed(reader, &queue, &usage))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Does `work` on one of the threads. Work that nobody waits for any more is not begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (pool, asked) = (self.pool, Stopwatch::start());
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            if !answer.is_closed() {
                pool.lent(&asked);
                let _ = answer.send(fault::catch_panic(|| {
                    reader.close_retired()?;
                    work(reader)
                }));
            }
        });
        self.jobs.send(job).await.map_err(|_| Fault::Closed)?;
        answered.await.map_err(|_| Fault::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work_until_closed(mut reader: Reader, queue: &Receiver<Job>, usage: &Usage) {
    while let Ok(job) = queue.recv_blocking() {
        usage.during(|| job(&mut reader));
    }
}

//! The threads that read.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use annals_core::ReadError;
use annals_core::telemetry::Stopwatch;
use async_channel::{Receiver, Sender};
use rusqlite::Connection;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::connection;
use crate::row::Decoder;
use crate::telemetry::{READERS, Usage};

/// Reads waiting for a thread; further ones wait in their callers.
const QUEUE_READS_MAX: usize = 1024;

/// What one thread reads with.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) decoder: Decoder,
}

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// A pool of threads with one connection each. Every read is short: pages are bounded.
#[derive(Debug)]
pub(crate) struct Readers {
    jobs: Sender<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(path: &Path, count: usize) -> Result<Self, StartError> {
        let (jobs, queue) = async_channel::bounded(QUEUE_READS_MAX);
        let mut readers = Self { jobs, threads: Vec::with_capacity(count) };
        let usage = Arc::new(Usage::of(READERS, count));
        for number in 0..count {
            let connection = connection::reader(path)?;
            let (queue, usage) = (queue.clone(), Arc::clone(&usage));
            let thread = thread::Builder::new()
                .name(format!("annals-reader-{number}"))
                .spawn(move || work(connection, &queue, &usage))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Does `work` on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let asked = Stopwatch::start();
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            // Nobody waits any more: the read is not worth doing.
            if !answer.is_closed() {
                READERS.lent(&asked);
                let _ = answer.send(work(reader));
            }
        });
        let ended = || ReadError::Closed { source: Ended.into() };
        self.jobs.send(job).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
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

fn work(connection: Connection, queue: &Receiver<Job>, usage: &Usage) {
    let mut reader = Reader { connection, decoder: Decoder::default() };
    while let Ok(job) = queue.recv_blocking() {
        usage.during(|| job(&mut reader));
    }
}

/// A thread has ended that would have answered.
#[derive(Debug, Error)]
#[error("the thread that reads has ended")]
struct Ended;

/// A thread with its connection could not be started.
#[derive(Debug)]
pub(crate) enum StartError {
    Sqlite(rusqlite::Error),
    Thread(std::io::Error),
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::Thread(error)
    }
}

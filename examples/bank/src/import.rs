//! Replaying a file of transactions through commands.
//!
//! Each row is a command whose id comes from the row's content, so a row takes effect once, however
//! often files with it are imported. Rows of one account are executed in the order of the file,
//! rows of different accounts at the same time. A row that a rule refuses stays refused: that is
//! recorded too, because by the time of a second import the rule might allow it.

mod file;
mod refusals;
mod report;
mod row;
mod summary;
mod worker;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::BufRead;
use std::time::Instant;

use annals::{App, BoxError, CorrelationId, LoadError};
use thiserror::Error;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

use self::file::Line;
use self::worker::{Job, Tally, Worker};
use crate::account::AccountId;
use crate::services::BankServices;

pub use self::file::{FileError, TransactionFile};
pub use self::refusals::{ImportEvent, ImportRefusals, RefuseRow};
pub use self::report::Report;
pub use self::row::{Direction, HEADER, Row, RowError};
pub use self::summary::Summary;

/// Accounts whose commands are in flight at the same time.
///
/// The store writes what arrives while it flushes as one batch, so a flush carries about as many
/// rows as this.
const WORKERS: usize = 256;

/// Rows that wait for a worker. What is read ahead of the log is bounded by this, whatever the
/// size of the file.
const QUEUE_ROWS_MAX: usize = 32;

/// An import stopped before the end. What it has recorded stays; import the same file again to
/// continue.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read or is of another kind.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log could not be read or written.
    #[error("the import stopped at line {line}")]
    Log {
        /// The first line that was not imported.
        line: u64,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// Everything is imported, but the balances could not be summed.
    #[error("the balances could not be read")]
    Balances(#[source] LoadError),
    /// A task of the import panicked.
    #[error("the import is broken")]
    Broken(#[source] BoxError),
}

/// Imports all transactions of a file.
///
/// # Errors
///
/// [`ImportError`]; single lines that are malformed or refused are none, they go to the report.
pub async fn import(
    app: &App<BankServices>,
    file: TransactionFile<impl BufRead + Send + 'static>,
    report: &Report,
) -> Result<Summary, ImportError> {
    let started = Instant::now();
    let import = CorrelationId::new();
    let mut workers = JoinSet::new();
    let mut queues = Vec::with_capacity(WORKERS);
    for _ in 0..WORKERS {
        let (queue, jobs) = mpsc::channel(QUEUE_ROWS_MAX);
        queues.push(queue);
        workers.spawn(work(Worker::new(app.clone(), report.clone(), import), jobs));
    }
    let reader_report = report.clone();
    let reader = tokio::task::spawn_blocking(move || read(file, &queues, &reader_report));

    let mut tally = Tally::default();
    while let Some(worker) = workers.join_next().await {
        tally = tally.plus(worker.map_err(|error| ImportError::Broken(error.into()))??);
    }
    let read = reader.await.map_err(|error| ImportError::Broken(error.into()))??;
    Ok(Summary::new(&tally, &read, started.elapsed()))
}

/// What the reader has seen.
#[derive(Debug, Default)]
struct ReadTally {
    rows: u64,
    malformed: u64,
}

/// Reads the file to its end and hands each row to the worker of its account.
fn read(
    mut file: TransactionFile<impl BufRead>,
    queues: &[Sender<Job>],
    report: &Report,
) -> Result<ReadTally, FileError> {
    let mut tally = ReadTally::default();
    while let Some(Line { number, row }) = file.next_line()? {
        tally.rows += 1;
        report.read_bytes(file.bytes());
        match row {
            Err(reason) => {
                tally.malformed += 1;
                report.malformed(number, &reason);
            }
            Ok(row) => {
                let queue = queues.get(worker_of(&row.account_id, queues.len()));
                // A worker that is gone has failed, which is what the import will say.
                let is_sent = queue.is_some_and(|it| it.blocking_send(Job { number, row }).is_ok());
                if !is_sent {
                    break;
                }
            }
        }
    }
    Ok(tally)
}

fn worker_of(account: &AccountId, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    account.hash(&mut hasher);
    usize::try_from(hasher.finish() % workers as u64).unwrap_or_default()
}

async fn work(mut worker: Worker, mut jobs: Receiver<Job>) -> Result<Tally, ImportError> {
    while let Some(job) = jobs.recv().await {
        worker.import(job).await?;
    }
    worker.finish().await
}

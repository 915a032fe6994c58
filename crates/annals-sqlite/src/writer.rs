//! The thread that writes.

use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use annals_core::telemetry::{Origin, WritingBatch, fail};
use annals_core::{AppendError, Position};
use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{oneshot, watch};
use tracing::Span;

use crate::answers::Answers;
use crate::batch::{BatchError, Batches};
use crate::checkpoint::Checkpoints;
use crate::connection;
use crate::fault::Fault;
use crate::head::Head;
use crate::submission::{PreparedAppend, Submission, Verdict};
use crate::telemetry::SYSTEM;

/// Appends waiting for the writer; further ones wait in their callers, in order. The queue holds
/// no more memory than the callers already did.
pub const QUEUE_APPENDS_MAX: usize = 1024;
/// A batch ends with the append that reaches one of these bounds. At this many the flush is a
/// small part of the time, and more would only make everybody wait for everybody.
pub const BATCH_APPENDS_MAX: usize = 1024;
/// See [`BATCH_APPENDS_MAX`].
pub const BATCH_EVENTS_MAX: usize = 4096;
/// See [`BATCH_APPENDS_MAX`]. Bounds the pages that one transaction holds in memory.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a store takes no more appends.
#[derive(Debug, Clone, Error)]
pub(crate) enum Stopped {
    #[error("the store was opened for reading only")]
    ReadOnly,
    #[error("the writer has ended")]
    Ended,
    #[error("the writer stopped because what it wrote may not have reached the disk: {0}")]
    Flush(Arc<rusqlite::Error>),
    #[error("the writer stopped because a transaction could not be ended: {0}")]
    Stuck(Arc<rusqlite::Error>),
}

impl Stopped {
    pub(crate) fn closed(self) -> AppendError {
        AppendError::Closed { source: self.into() }
    }
}

/// The queue to the thread that owns all writing.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<Sender<Submission>>,
    thread: Option<JoinHandle<()>>,
    stopped: Arc<OnceLock<Stopped>>,
}

impl Writer {
    pub(crate) fn start(
        batches: Batches,
        checkpoints: Checkpoints,
        head: watch::Sender<Head>,
    ) -> std::io::Result<Self> {
        let (queue, submissions) = mpsc::channel(QUEUE_APPENDS_MAX);
        let stopped = Arc::new(OnceLock::new());
        let answers = Answers::start()?;
        let thread = thread::Builder::new().name("annals-writer".to_owned()).spawn({
            let stopped = Arc::clone(&stopped);
            move || Work { batches, checkpoints, answers, head }.run(submissions, &stopped)
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), stopped })
    }

    /// Queues the append, when first polled if there is room, and waits for the verdict.
    pub(crate) async fn append(&self, append: PreparedAppend) -> Verdict {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(Stopped::Ended).map_err(Stopped::closed)?;
        // Trying first: waiting might give way to the runtime before it takes the place.
        let is_queued = match queue.try_send(Submission { append, origin: Origin::here(), answer })
        {
            Ok(()) => true,
            Err(TrySendError::Full(submission)) => queue.send(submission).await.is_ok(),
            Err(TrySendError::Closed(_)) => false,
        };
        if !is_queued {
            return Err(self.reason().closed());
        }
        // The writer answers everyone, unless it panics.
        answered.await.unwrap_or_else(|_| {
            Err(AppendError::Unknown { source: "the writer ended without an answer".into() })
        })
    }

    /// Why it takes no more appends, once it does not.
    pub(crate) fn reason(&self) -> Stopped {
        self.stopped.get().cloned().unwrap_or(Stopped::Ended)
    }
}

impl Drop for Writer {
    /// Answers what is queued, then ends the thread.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Work {
    batches: Batches,
    checkpoints: Checkpoints,
    answers: Answers,
    head: watch::Sender<Head>,
}

impl Work {
    fn run(mut self, mut queue: Receiver<Submission>, stopped: &OnceLock<Stopped>) {
        let outcome = self.write_until_closed(&mut queue);
        let Self { batches, checkpoints, answers, head } = self;
        drop((checkpoints, answers));
        let log = batches.into_connection();
        if let Err(reason) = outcome {
            tracing::error!(%reason, "the store takes no more appends, open it again");
            let reason = stopped.get_or_init(|| reason).clone();
            queue.close();
            while let Some(submission) = queue.blocking_recv() {
                let _ = submission.answer.send(Err(reason.clone().closed()));
            }
            // What the flush has left behind is for the next opening to sort out.
            let _ = connection::leave(&log);
        }
        drop(head);
        // Closing the last connection copies the write-ahead log and removes it. If that fails,
        // the next opening does it.
        let _ = log.close();
    }

    fn write_until_closed(&mut self, queue: &mut Receiver<Submission>) -> Result<(), Stopped> {
        let mut batch = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            let (events, bytes) = fill(&mut batch, first, queue);
            let origins = batch.iter().map(|submission| &submission.origin);
            let writing = WritingBatch::begin(SYSTEM, origins, events, queue.len());
            let written = writing.span.in_scope(|| self.write(&mut batch));
            writing.ended(self.batches.head(), None);
            written?;
            self.checkpoints
                .after_batch(self.batches.connection(), events, bytes)
                .map_err(|error| Stopped::Flush(Arc::new(error)))?;
        }
        Ok(())
    }

    fn write(&mut self, batch: &mut Vec<Submission>) -> Result<(), Stopped> {
        match self.batches.write(batch.iter().map(|submission| &submission.append)) {
            Ok(verdicts) => {
                self.publish();
                self.answers.give(batch, verdicts);
                Ok(())
            }
            Err(BatchError::RolledBack(fault)) if batch.len() > 1 && is_one_append(&fault) => {
                self.write_one_by_one(batch)
            }
            Err(error) => answer_failure(batch, error),
        }
    }

    /// One append made its whole batch fail. Alone it can only fail itself.
    fn write_one_by_one(&mut self, batch: &mut Vec<Submission>) -> Result<(), Stopped> {
        let mut rest = batch.drain(..);
        while let Some(submission) = rest.next() {
            if let Err(stopped) = self.write(&mut vec![submission]) {
                for submission in rest {
                    let _ = submission.answer.send(Err(stopped.clone().closed()));
                }
                return Err(stopped);
            }
        }
        Ok(())
    }

    /// Only now, after the commit, may anybody learn of the events.
    fn publish(&self) {
        let head = self.batches.head();
        self.head.send_if_modified(|known| {
            let is_news = known.as_ref().map_or(Position::ZERO, |known| *known) < head;
            if is_news {
                *known = Ok(head);
            }
            is_news
        });
    }
}

/// Takes what is queued, up to the bounds of a batch; its events and bytes.
fn fill(
    batch: &mut Vec<Submission>,
    first: Submission,
    queue: &mut Receiver<Submission>,
) -> (usize, usize) {
    let (mut events, mut bytes) = (0, 0);
    let mut next = Some(first);
    while let Some(submission) = next {
        events += submission.append.events.len();
        bytes += submission.append.bytes;
        batch.push(submission);
        let is_full = batch.len() >= BATCH_APPENDS_MAX
            || events >= BATCH_EVENTS_MAX
            || bytes >= BATCH_BYTES_MAX;
        next = if is_full { None } else { queue.try_recv().ok() };
    }
    (events, bytes)
}

/// Whether the fault may lie with one append rather than with the disk.
fn is_one_append(fault: &Fault) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    match fault {
        Fault::Damaged { .. } => true,
        Fault::Sqlite(error) => {
            !matches!(error.sqlite_error_code(), Some(DiskFull | DatabaseBusy | DatabaseLocked))
        }
    }
}

fn answer_failure(batch: &mut Vec<Submission>, error: BatchError) -> Result<(), Stopped> {
    match error {
        BatchError::RolledBack(fault) => {
            fail(&Span::current(), Some("unavailable"));
            let reason = Arc::new(fault);
            for submission in batch.drain(..) {
                let source = Shared(Arc::clone(&reason)).into();
                let _ = submission.answer.send(Err(AppendError::Unavailable { source }));
            }
            Ok(())
        }
        BatchError::Stuck(error) => {
            fail(&Span::current(), Some("unavailable"));
            let error = Arc::new(error);
            for submission in batch.drain(..) {
                let source = Arc::clone(&error).into();
                let _ = submission.answer.send(Err(AppendError::Unavailable { source }));
            }
            Err(Stopped::Stuck(error))
        }
        BatchError::Unknown(error) => {
            fail(&Span::current(), Some("unknown_outcome"));
            let error = Arc::new(error);
            for submission in batch.drain(..) {
                let source = Arc::clone(&error).into();
                let _ = submission.answer.send(Err(AppendError::Unknown { source }));
            }
            Err(Stopped::Flush(error))
        }
    }
}

/// One fault that several callers learn of.
#[derive(Debug, Error)]
#[error("{0}")]
struct Shared(Arc<Fault>);

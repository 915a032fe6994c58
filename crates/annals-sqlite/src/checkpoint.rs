//! Copying the write-ahead log into the database file without holding up appends.
//!
//! A thread of its own copies and flushes the bulk while the writer goes on. It can never catch up
//! with a busy writer, and only when nothing is left to copy does the log begin anew; so the writer
//! copies the last few pages itself, between two batches.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::connection::{self, BUSY_MAX};
use crate::reader::StartError;

/// Bytes of one frame of the write-ahead log: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;
/// Most frames that the writer copies itself: some two milliseconds, and more than it writes in the
/// time that the last pass of the thread takes, or they would never meet.
const FINISH_MAX: i64 = 512;
/// Passes of the thread that have no more to copy than the writer would, before the writer does.
/// Each succeeds about every second time; when none does, the writer flushes the bulk itself, which
/// takes it some 15 milliseconds instead of 4.
const SHORT_PASSES: usize = 6;
/// Passes after which the thread gives up: a reader's view keeps the rest from being copied, or the
/// disk is too slow. It is called again when there is more to copy.
const PASSES_MAX: usize = 24;

/// How long the write-ahead log may become, in frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Calls for a checkpoint.
    bulk: i64,
    /// What the writer copies itself.
    finish: i64,
    /// Not copied yet when the writer stops to copy it all. Only a disk that cannot keep up with
    /// the writer lets it come this far.
    pending_max: i64,
    /// At this length the writer makes the log begin anew, because readers have kept it from doing
    /// so by itself.
    all_max: i64,
    /// Written events after which the writer looks at the length; an event is about one frame.
    look_events: usize,
}

impl Bounds {
    pub(crate) fn for_bytes(bytes: u64) -> Self {
        let bulk = i64::try_from(bytes / FRAME_BYTES).unwrap_or(i64::MAX).max(16);
        Self {
            bulk,
            finish: (bulk / 4).min(FINISH_MAX),
            pending_max: bulk.saturating_mul(16),
            all_max: bulk.saturating_mul(2),
            look_events: usize::try_from(bulk / 32).unwrap_or(usize::MAX),
        }
    }
}

/// Longest wait of the writer for readers, when it makes the log begin anew.
///
/// New readers do not need the log any more by then, and those that do are at the end of their page
/// within some milliseconds. Only a foreign process reads for longer.
const RESTART_WAIT_MAX: Duration = Duration::from_millis(250);

/// Written bytes after which the writer looks at the length in any case.
const LOOK_BYTES: usize = 1024 * 1024;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    bounds: Bounds,
    unseen_events: usize,
    unseen_bytes: usize,
    /// The length at which to try again after a reader was in the way.
    restart_from: i64,
    is_disk_full: bool,
}

#[derive(Debug, Default)]
struct Shared {
    is_copying: AtomicBool,
    /// The thread has left what the writer can finish.
    is_nearly_done: AtomicBool,
    /// Held during a pass of the thread.
    pass: Mutex<()>,
    /// The writer waits for the end of a pass, and there is to be no other.
    is_enough: AtomicBool,
    failure: Mutex<Option<rusqlite::Error>>,
}

/// Frames in the write-ahead log.
#[derive(Debug, Clone, Copy)]
struct Frames {
    all: i64,
    copied: i64,
}

impl Frames {
    fn pending(self) -> i64 {
        self.all - self.copied
    }
}

fn checkpoint(connection: &Connection, sql: &str) -> rusqlite::Result<Frames> {
    connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok(Frames { all: row.get(1)?, copied: row.get(2)? }))
}

impl Checkpoints {
    pub(crate) fn start(path: &Path, bounds: Bounds) -> Result<Self, StartError> {
        let connection = connection::checkpointer(path)?;
        let shared = Arc::new(Shared::default());
        // One waiting call is enough: it is about the state at the time it is taken.
        let (wake, calls) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("annals-checkpoint".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || copy_when_called(&connection, &calls, &shared, bounds)
        })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            shared,
            bounds,
            unseen_events: 0,
            unseen_bytes: 0,
            restart_from: 0,
            is_disk_full: false,
        })
    }

    /// Called by the writer after each batch, with what it wrote.
    ///
    /// # Errors
    ///
    /// A flush failed, here or in the thread. The writer must stop.
    pub(crate) fn after_batch(
        &mut self,
        connection: &Connection,
        events: usize,
        bytes: usize,
    ) -> rusqlite::Result<()> {
        self.unseen_events += events;
        self.unseen_bytes += bytes;
        let is_nearly_done = self.shared.is_nearly_done.swap(false, Ordering::AcqRel);
        let has_written_little =
            self.unseen_events < self.bounds.look_events && self.unseen_bytes < LOOK_BYTES;
        if !is_nearly_done && has_written_little {
            return Ok(());
        }
        (self.unseen_events, self.unseen_bytes) = (0, 0);
        let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = failure {
            self.weigh(Err(error))?;
        }
        let frames = checkpoint(connection, include_str!("sql/checkpoint_state.sql"))?;
        if frames.all < self.bounds.bulk {
            // It has begun anew.
            self.restart_from = 0;
        }
        let is_copying = self.shared.is_copying.load(Ordering::Acquire);
        let is_overdue = frames.pending() >= self.bounds.pending_max
            || frames.all >= self.bounds.all_max && !is_copying;
        if is_overdue && frames.all >= self.restart_from {
            return self.restart(connection, frames);
        }
        let is_due = frames.all >= self.bounds.bulk && frames.pending() > 0;
        if !is_due || is_copying {
            return Ok(());
        }
        if frames.pending() <= self.bounds.finish {
            let rest = include_str!("sql/checkpoint_passive.sql");
            return self.weigh(checkpoint(connection, rest));
        }
        if let Some(wake) = &self.wake {
            let _ = wake.try_send(());
        }
        Ok(())
    }

    /// Copies everything and has the log begin anew, unless a reader is in the way for too long.
    /// That is not tried again before the log has grown, or one forgotten transaction of another
    /// process would hold up every batch.
    ///
    /// The thread is not a reader: if it is in the middle of a pass, this waits for the end of it,
    /// which a disk that cannot keep up delays for longer than any reader might take.
    fn restart(&mut self, connection: &Connection, frames: Frames) -> rusqlite::Result<()> {
        self.shared.is_enough.store(true, Ordering::Release);
        let pass = self.shared.pass.lock().unwrap_or_else(PoisonError::into_inner);
        connection.busy_timeout(RESTART_WAIT_MAX)?;
        let outcome = checkpoint(connection, include_str!("sql/checkpoint_restart.sql"));
        connection.busy_timeout(BUSY_MAX)?;
        drop(pass);
        self.shared.is_enough.store(false, Ordering::Release);
        self.restart_from = frames.all.saturating_add(self.bounds.bulk);
        self.weigh(outcome)
    }

    /// A checkpoint that finds the disk full or a lock held is made up for later: everything is
    /// still in the write-ahead log. Any other failure may be a flush that failed.
    fn weigh(&mut self, outcome: rusqlite::Result<Frames>) -> rusqlite::Result<()> {
        let was_disk_full = self.is_disk_full;
        self.is_disk_full = false;
        let Err(error) = outcome else { return Ok(()) };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(()),
            Some(ErrorCode::DiskFull) => {
                if !was_disk_full {
                    tracing::warn!("the disk is full: the write-ahead log cannot be copied");
                }
                self.is_disk_full = true;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn copy_when_called(
    connection: &Connection,
    calls: &Receiver<()>,
    shared: &Shared,
    bounds: Bounds,
) {
    while calls.recv().is_ok() {
        shared.is_copying.store(true, Ordering::Release);
        if let Err(error) = copy_bulk(connection, shared, bounds) {
            *shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        shared.is_copying.store(false, Ordering::Release);
        shared.is_nearly_done.store(true, Ordering::Release);
    }
}

/// Copies until little is left, and that little is likely to be all that is not flushed.
///
/// SQLite flushes the database file only in a pass during which nobody commits. The passes that
/// have little to copy are short enough for that, so they are repeated: the first to succeed
/// flushes the bulk, the next ones what has come meanwhile. What the writer finishes, it flushes.
fn copy_bulk(connection: &Connection, shared: &Shared, bounds: Bounds) -> rusqlite::Result<()> {
    let mut short_passes = 0;
    for _ in 0..PASSES_MAX {
        let _pass = shared.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_enough.load(Ordering::Acquire) {
            break;
        }
        let frames = checkpoint(connection, include_str!("sql/checkpoint_state.sql"))?;
        checkpoint(connection, include_str!("sql/checkpoint_passive.sql"))?;
        short_passes += usize::from(frames.pending() <= bounds.finish);
        if short_passes == SHORT_PASSES {
            break;
        }
    }
    Ok(())
}

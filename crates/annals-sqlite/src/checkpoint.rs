//! Copying the write-ahead log into the database file without holding up appends.
//!
//! A thread of its own copies the bulk while the writer goes on. It can never catch up with a
//! busy writer, and only when nothing is left to copy does the log begin anew; so the writer
//! copies the last few pages itself, between two batches.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode};

use crate::connection;
use crate::reader::StartError;

/// Frames (pages of 4 KiB) in the write-ahead log that call for a checkpoint: 32 MiB. Pages that
/// change often are copied once for all their changes, so a longer log means less to copy, and a
/// longer wait when the log is opened after a crash.
const FRAMES_BULK: i64 = 8_192;
/// Frames the writer copies itself: some two milliseconds.
const FRAMES_FINISH: i64 = 512;
/// Frames not copied at which the writer stops to copy them all: 512 MiB. Only a disk that cannot
/// keep up with the writer comes this far. A reader that keeps a view open for as long can make
/// the file grow further; our own views last as long as a page.
const FRAMES_MAX: i64 = 131_072;
/// Times in a row the thread tries to leave no more than the writer can finish.
const PASSES_MAX: usize = 8;
/// Written events, or bytes, after which the writer looks at the length of the log.
const LOOK_EVENTS: usize = 256;
const LOOK_BYTES: usize = 1024 * 1024;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    unseen_events: usize,
    unseen_bytes: usize,
    is_disk_full: bool,
}

#[derive(Debug, Default)]
struct Shared {
    is_copying: AtomicBool,
    /// The thread has left what the writer can finish.
    is_nearly_done: AtomicBool,
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

/// Copies everything that can be copied, for a log that nobody writes to.
///
/// When it succeeds, all that the log holds has been written and flushed anew. After a failed
/// flush that matters: the system may show pages that never reached the disk, and call the next
/// flush of them a success.
pub(crate) fn copy_all(connection: &Connection) -> rusqlite::Result<()> {
    checkpoint(connection, include_str!("sql/checkpoint_restart.sql")).map(|_| ())
}

impl Checkpoints {
    pub(crate) fn start(path: &Path) -> Result<Self, StartError> {
        let connection = connection::checkpointer(path)?;
        let shared = Arc::new(Shared::default());
        // One waiting call is enough: it is about the state at the time it is taken.
        let (wake, calls) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("annals-checkpoint".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || copy_when_called(&connection, &calls, &shared)
        })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            shared,
            unseen_events: 0,
            unseen_bytes: 0,
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
        if !is_nearly_done && self.unseen_events < LOOK_EVENTS && self.unseen_bytes < LOOK_BYTES {
            return Ok(());
        }
        (self.unseen_events, self.unseen_bytes) = (0, 0);
        let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = failure {
            self.weigh(Err(error))?;
        }
        let frames = checkpoint(connection, include_str!("sql/checkpoint_state.sql"))?;
        if frames.pending() >= FRAMES_MAX {
            let all = include_str!("sql/checkpoint_restart.sql");
            return self.weigh(checkpoint(connection, all));
        }
        let is_due = frames.all >= FRAMES_BULK && frames.pending() > 0;
        if !is_due || self.shared.is_copying.load(Ordering::Acquire) {
            return Ok(());
        }
        if frames.pending() <= FRAMES_FINISH {
            let rest = include_str!("sql/checkpoint_passive.sql");
            return self.weigh(checkpoint(connection, rest));
        }
        if let Some(wake) = &self.wake {
            let _ = wake.try_send(());
        }
        Ok(())
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

fn copy_when_called(connection: &Connection, calls: &Receiver<()>, shared: &Shared) {
    while calls.recv().is_ok() {
        shared.is_copying.store(true, Ordering::Release);
        if let Err(error) = copy_bulk(connection) {
            *shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        shared.is_copying.store(false, Ordering::Release);
        shared.is_nearly_done.store(true, Ordering::Release);
    }
}

fn copy_bulk(connection: &Connection) -> rusqlite::Result<()> {
    let mut copied = -1;
    for _ in 0..PASSES_MAX {
        let frames = checkpoint(connection, include_str!("sql/checkpoint_passive.sql"))?;
        // A reader's view may keep the rest from being copied.
        let is_stuck = frames.copied == copied;
        if is_stuck || frames.pending() <= FRAMES_FINISH {
            break;
        }
        copied = frames.copied;
    }
    Ok(())
}

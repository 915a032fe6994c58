//! Knowing the end of the log, and waiting for it to move.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use annals_core::{Position, ReadError};
use rusqlite::Connection;
use thiserror::Error;
use tokio::sync::watch;

use crate::connection;
use crate::fault::Fault;
use crate::log;
use crate::reader::StartError;

/// First pause between two looks at a log that another process writes.
const POLL_MIN: Duration = Duration::from_millis(1);
/// Longest pause: it doubles while nothing happens. News then comes this late, and is never lost.
const POLL_MAX: Duration = Duration::from_secs(1);

/// The last position that is durable, or why it cannot be known.
pub(crate) type Head = Result<Position, Arc<Fault>>;

/// Waits until the head is beyond `position`; `None` if it will not move any more, because whoever
/// moved it has ended.
pub(crate) async fn wait_past(
    mut head: watch::Receiver<Head>,
    position: Position,
) -> Result<Option<Position>, ReadError> {
    loop {
        match &*head.borrow_and_update() {
            Ok(head) if *head > position => return Ok(Some(*head)),
            Ok(_) => {}
            Err(fault) => return Err(ReadError::Unavailable { source: fault.to_string().into() }),
        }
        if head.changed().await.is_err() {
            return Ok(None);
        }
    }
}

/// The thread that looks at the log has ended.
#[derive(Debug, Error)]
#[error("the thread that looks for news has ended")]
struct Ended;

/// Looks at a log that another process writes, as long as somebody waits.
#[derive(Debug)]
pub(crate) struct Poller {
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    interest: Mutex<Interest>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Interest {
    waiters: usize,
    /// Somebody has come since the last look.
    is_new: bool,
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Interest> {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Interest)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Somebody waits, until dropped.
struct Waiter<'a>(&'a Shared);

impl<'a> Waiter<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.change(|interest| {
            interest.waiters += 1;
            interest.is_new = true;
        });
        Self(shared)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.change(|interest| interest.waiters -= 1);
    }
}

impl Poller {
    pub(crate) fn start(path: &Path) -> Result<Self, StartError> {
        let connection = connection::reader(path)?;
        let shared = Arc::new(Shared::default());
        let (news, head) = watch::channel(Ok(Position::ZERO));
        let thread = thread::Builder::new().name("annals-poller".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || poll(&connection, &shared, &news)
        })?;
        Ok(Self { shared, head, thread: Some(thread) })
    }

    pub(crate) async fn wait_past(&self, position: Position) -> Result<Position, ReadError> {
        let _waiter = Waiter::new(&self.shared);
        let mut head = self.head.clone();
        let ended = || ReadError::Closed { source: Ended.into() };
        let is_old_error = head.borrow_and_update().is_err();
        if is_old_error {
            // From the last time somebody waited. Being here makes the thread look again.
            head.changed().await.map_err(|_| ended())?;
        }
        wait_past(head, position).await?.ok_or_else(ended)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.shared.change(|interest| interest.is_closed = true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn poll(connection: &Connection, shared: &Shared, news: &watch::Sender<Head>) {
    let mut pause = POLL_MIN;
    let mut interest = shared.lock();
    while !interest.is_closed {
        if interest.waiters == 0 {
            interest = shared.changed.wait(interest).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        if std::mem::take(&mut interest.is_new) {
            pause = POLL_MIN;
        }
        drop(interest);
        let head = log::head(connection).map_err(Arc::new);
        let is_readable = head.is_ok();
        let is_news = news.send_if_modified(|known| match (&known, &head) {
            (Ok(before), Ok(now)) if before == now => false,
            _ => {
                *known = head;
                true
            }
        });
        pause = if is_news && is_readable { POLL_MIN } else { (pause * 2).min(POLL_MAX) };
        interest = shared.lock();
        if !interest.is_new && !interest.is_closed {
            (interest, _) = shared
                .changed
                .wait_timeout(interest, pause)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

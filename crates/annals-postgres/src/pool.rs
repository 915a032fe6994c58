//! Sessions for readers.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use annals_core::telemetry::{Stopwatch, is_measured};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connect::Purpose;
use crate::news::News;
use crate::server::Server;
use crate::session::{Session, SessionError};
use crate::telemetry;

/// A bounded number of sessions, made when they are needed.
///
/// None is asked whether it still lives before it is used: that would cost a round trip each time.
/// One that the server has closed is noticed without asking.
#[derive(Debug)]
pub(crate) struct Pool {
    server: Arc<Server>,
    news: Arc<News>,
    purpose: Purpose,
    sessions_max: usize,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

/// A session of a pool. One that is dropped without being given back may be in the middle of
/// something, and is closed.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    session: Session,
    place: Place<'a>,
}

/// The place of a session that is lent. However it is given up, it is told.
#[derive(Debug)]
struct Place<'a> {
    pool: &'a Pool,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.pool.count();
    }
}

impl Pool {
    pub(crate) fn new(
        server: Arc<Server>,
        news: Arc<News>,
        purpose: Purpose,
        sessions_max: usize,
    ) -> Self {
        let sessions_max = sessions_max.min(Semaphore::MAX_PERMITS);
        let permits = Semaphore::new(sessions_max);
        Self { server, news, purpose, sessions_max, permits, idle: Mutex::default() }
    }

    /// An idle session, or a new one. None once the handle is closed.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, SessionError> {
        let asked = Stopwatch::start();
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let place = Place { pool: self, permit: Some(permit) };
        if let Some(reason) = self.news.closed() {
            return Err(reason.into());
        }
        let session = self.session().await?;
        telemetry::pool(self.purpose).lent(&asked);
        self.count();
        Ok(Lent { session, place })
    }

    async fn session(&self) -> Result<Session, SessionError> {
        while let Some(mut session) = self.take_idle() {
            if session.is_alive().await {
                return Ok(session);
            }
        }
        let mut session = self.server.connect(self.purpose).await?;
        if self.purpose == Purpose::Primary {
            self.news.check_log(&mut session).await?;
        }
        Ok(session)
    }

    /// Tells how many sessions there are.
    fn count(&self) {
        if is_measured() {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
            let used = self.sessions_max.saturating_sub(self.permits.available_permits());
            telemetry::pool(self.purpose).counted(used, idle);
        }
    }

    fn take_idle(&self) -> Option<Session> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Lent<'_> {
    /// Keeps the session for the next one: nothing of it is waited for any more.
    pub(crate) fn give_back(self) {
        let Self { session, place } = self;
        place.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// Keeps the session if the outcome shows that it can go on.
    pub(crate) fn settle<T>(self, outcome: &Result<T, SessionError>) {
        if outcome.as_ref().err().is_none_or(SessionError::is_survivable) {
            self.give_back();
        }
    }
}

impl Deref for Lent<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

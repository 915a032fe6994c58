//! What this handle has seen of the log.

use std::sync::{Mutex, OnceLock, PoisonError};

use annals_core::{EventId, LogId, Position};
use tokio::sync::watch;
use uuid::Uuid;

use crate::closed::Closed;
use crate::facts;
use crate::session::{Session, SessionError};
use crate::statement::Statement;

/// The newest head that is known here, and what must still be true when the server comes back
/// after a failover.
#[derive(Debug)]
pub(crate) struct News {
    head: watch::Sender<Position>,
    /// The newest event that was acknowledged or read here.
    newest: Mutex<Option<(Position, EventId)>>,
    log_id: OnceLock<Uuid>,
    closed: OnceLock<Closed>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            head: watch::Sender::new(Position::ZERO),
            newest: Mutex::default(),
            log_id: OnceLock::new(),
            closed: OnceLock::new(),
        }
    }
}

impl News {
    pub(crate) fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// The name of the log that was opened.
    pub(crate) fn log_id(&self) -> LogId {
        LogId::from_uuid(*self.log_id.get().expect("it was asked for when the log was opened"))
    }

    /// Wakes everybody who waits for less than `head`, which is durable.
    pub(crate) fn publish(&self, head: Position) {
        self.head.send_if_modified(|known| {
            let is_new = head > *known;
            *known = head.max(*known);
            is_new
        });
    }

    /// Whether anybody waits for news.
    pub(crate) fn has_waiters(&self) -> bool {
        self.head.receiver_count() > 0
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Remembers an event that was acknowledged or read.
    pub(crate) fn remember(&self, position: Position, event_id: EventId) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|(known, _)| known < position) {
            *newest = Some((position, event_id));
        }
    }

    /// The newest event that was acknowledged or read here, or that the log was seen to end with.
    pub(crate) fn newest(&self) -> Option<(Position, EventId)> {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks where the log ends, and publishes it.
    pub(crate) async fn look(&self, session: &mut Session) -> Result<Position, SessionError> {
        let rows = session.query(Statement::Head, &[]).await?;
        let Some(row) = rows.first() else { return Ok(Position::ZERO) };
        let head = facts::position(row.try_get("position")?)?;
        self.remember(head, EventId::from_uuid(row.try_get("event_id")?));
        self.publish(head);
        Ok(head)
    }

    /// Whether a replica has this event of this very log, and so everything before it.
    ///
    /// One that is behind has not. One that got ahead of a standby which took over, or that belongs
    /// to somebody else, may have as many events, and others.
    pub(crate) async fn is_in(
        &self,
        session: &mut Session,
        (position, event_id): (Position, EventId),
    ) -> Result<bool, SessionError> {
        let row = session.query_one(Statement::EventAt, &[&position.as_i64()]).await?;
        let log_id: Uuid = row.try_get("log_id")?;
        let found: Option<Uuid> = row.try_get("event_id")?;
        Ok(self.log_id.get() == Some(&log_id) && found == Some(*event_id.as_uuid()))
    }

    /// Refuses a server that does not have the log that was opened, with everything seen of it. The
    /// handle is closed then.
    ///
    /// To be asked of every new connection: a server can only go back to an earlier state by a
    /// restart or a failover, and no connection survives those.
    pub(crate) async fn check_log(&self, session: &mut Session) -> Result<(), SessionError> {
        let (position, expected) = self.newest().unzip();
        let position = position.unwrap_or_default();
        let row = session.query_one(Statement::EventAt, &[&position.as_i64()]).await?;
        let log_id: Uuid = row.try_get("log_id")?;
        let event_id = row.try_get::<_, Option<Uuid>>("event_id")?.map(EventId::from_uuid);
        if *self.log_id.get_or_init(|| log_id) != log_id {
            return Err(self.close(Closed::OtherLog).into());
        }
        if event_id != expected {
            return Err(self.close(Closed::WentBack { position: position.get() }).into());
        }
        Ok(())
    }

    /// Nothing is answered from here on. Gives the first reason there was.
    pub(crate) fn close(&self, reason: Closed) -> Closed {
        let reason = self.closed.get_or_init(|| {
            if reason != Closed::ByOwner {
                tracing::error!(%reason, "the store stops");
            }
            reason
        });
        // Everybody who waits looks again.
        self.head.send_modify(|_| {});
        reason.clone()
    }

    /// Why nothing is answered any more.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.closed.get().cloned()
    }
}

//! One connection to the server.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, Row, Socket};

use crate::closed::Closed;
use crate::statement::Statement;
use crate::tls::TlsStream;

/// Values of a statement.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection that has no task of its own: whoever uses it drives it.
///
/// So nothing runs in the background that would have to be stopped, and an answer does not travel
/// from one task to another. A session that was left in the middle of something must be dropped.
pub(crate) struct Session {
    client: Client,
    wire: Wire,
    statements: HashMap<Statement, tokio_postgres::Statement>,
}

/// The side of a connection that moves bytes.
pub(crate) struct Wire {
    connection: Option<Connection<Socket, TlsStream>>,
    lost: Option<SessionError>,
    /// Warnings that came in so far.
    warnings: u64,
    /// The server's process for this session.
    pid: i32,
}

/// What a session that does nothing can be told.
#[derive(Debug)]
pub(crate) enum Told {
    /// Somebody rang.
    Rung,
    /// The connection is gone.
    Lost(SessionError),
}

/// A statement had no answer, or a negative one.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SessionError {
    /// The server refused the statement. What it belongs to was not written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection was lost. Whether the statement was carried out is not known.
    #[error("the connection was lost")]
    Lost(#[source] Arc<dyn Error + Send + Sync>),
    /// The server did not answer in time. Whether the statement was carried out is not known.
    #[error("the server did not answer within {0:?}")]
    Silent(Duration),
    /// The handle does not go on. The statement was not sent.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The statement or its answer does not have the expected form.
    #[error("a statement and its values do not fit")]
    Form(#[source] Arc<tokio_postgres::Error>),
}

/// What the server said.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} (SQLSTATE {})", code.code())]
pub(crate) struct Refusal {
    pub(crate) code: SqlState,
    /// Without details, which can hold values of rows.
    message: String,
    /// Whether the session ended with it.
    is_fatal: bool,
}

impl From<tokio_postgres::Error> for SessionError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Self::Refused(Refusal {
                code: refusal.code().clone(),
                message: refusal.message().to_owned(),
                is_fatal: !matches!(refusal.parsed_severity(), Some(Severity::Error)),
            });
        }
        let is_io = error.source().is_some_and(|source| source.is::<io::Error>());
        if error.is_closed() || is_io {
            return Self::Lost(Arc::new(error));
        }
        Self::Form(Arc::new(error))
    }
}

impl SessionError {
    /// The answer is not one that our statements give.
    pub(crate) fn incomplete() -> Self {
        Self::Lost(Arc::new(io::Error::from(io::ErrorKind::InvalidData)))
    }

    /// Whether the session can go on after it.
    pub(crate) fn is_survivable(&self) -> bool {
        matches!(self, Self::Refused(refusal) if !refusal.is_fatal)
    }

    /// The server's code, if it said anything.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("pid", &self.pid()).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(client: Client, connection: Connection<Socket, TlsStream>) -> Self {
        let wire = Wire { connection: Some(connection), lost: None, warnings: 0, pid: 0 };
        Self { client, wire, statements: HashMap::new() }
    }

    /// The server's process for this session.
    pub(crate) fn pid(&self) -> i32 {
        self.wire.pid
    }

    /// Notes which process of the server this session has.
    pub(crate) fn with_pid(mut self, pid: i32) -> Self {
        self.wire.pid = pid;
        self
    }

    /// The two sides, so that several statements can be sent before the first is answered.
    pub(crate) fn parts(&mut self) -> (&Client, &mut Wire) {
        (&self.client, &mut self.wire)
    }

    /// Prepares a statement, once.
    pub(crate) async fn prepare(
        &mut self,
        statement: Statement,
    ) -> Result<tokio_postgres::Statement, SessionError> {
        if let Some(prepared) = self.statements.get(&statement) {
            return Ok(prepared.clone());
        }
        let prepared = self.wire.drive(self.client.prepare(statement.text())).await;
        let prepared = self.wire.explained(prepared)?;
        self.statements.insert(statement, prepared.clone());
        Ok(prepared)
    }

    /// Runs one statement.
    pub(crate) async fn query(
        &mut self,
        statement: Statement,
        values: Values<'_>,
    ) -> Result<Vec<Row>, SessionError> {
        let prepared = self.prepare(statement).await?;
        let rows = self.wire.drive(self.client.query(&prepared, values)).await;
        self.wire.explained(rows)
    }

    /// Runs one statement that gives one row.
    pub(crate) async fn query_one(
        &mut self,
        statement: Statement,
        values: Values<'_>,
    ) -> Result<Row, SessionError> {
        let prepared = self.prepare(statement).await?;
        let row = self.wire.drive(self.client.query_one(&prepared, values)).await;
        self.wire.explained(row)
    }

    /// Runs commands that give nothing back.
    pub(crate) async fn execute(&mut self, commands: &str) -> Result<(), SessionError> {
        let done = self.wire.drive(self.client.batch_execute(commands)).await;
        self.wire.explained(done)
    }

    /// Whether the server has not closed the connection, as far as is known without asking it.
    pub(crate) async fn is_alive(&mut self) -> bool {
        poll_fn(|context| {
            loop {
                match self.wire.poll_told(context) {
                    Poll::Ready(Told::Rung) => {}
                    told => return Poll::Ready(told.is_pending()),
                }
            }
        })
        .await
    }

    /// Waits until the server says something by itself.
    pub(crate) async fn told(&mut self) -> Told {
        poll_fn(|context| self.wire.poll_told(context)).await
    }
}

impl Wire {
    /// Does `work`, which talks to this connection's client, and moves what it says and hears.
    pub(crate) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| self.poll_drive(work.as_mut(), context)).await
    }

    fn poll_drive<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        context: &mut Context<'_>,
    ) -> Poll<T> {
        loop {
            // The work goes first, so that what it wants to say leaves in the same turn.
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            match self.poll_told(context) {
                Poll::Ready(Told::Rung) => {}
                // Now the work's answers end, and so does the work.
                Poll::Ready(Told::Lost(_)) => return work.poll(context),
                // What came in may have been all that was waited for.
                Poll::Pending => return work.poll(context),
            }
        }
    }

    fn poll_told(&mut self, context: &mut Context<'_>) -> Poll<Told> {
        loop {
            if let Some(lost) = &self.lost {
                return Poll::Ready(Told::Lost(lost.clone()));
            }
            let Some(connection) = &mut self.connection else { return Poll::Pending };
            let lost = match connection.poll_message(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(AsyncMessage::Notification(rung)))) => {
                    // Who rings hears it, too.
                    if rung.process_id() == self.pid {
                        continue;
                    }
                    return Poll::Ready(Told::Rung);
                }
                Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                    self.warnings += 1;
                    tracing::warn!(message = notice.message(), "the server warns");
                    continue;
                }
                Poll::Ready(Some(Ok(_))) => continue,
                Poll::Ready(Some(Err(error))) => SessionError::from(error),
                Poll::Ready(None) => {
                    let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                    SessionError::Lost(Arc::new(end))
                }
            };
            // Dropping it ends every answer that is still waited for.
            self.connection = None;
            self.lost = Some(lost);
        }
    }

    /// How many warnings came in so far.
    pub(crate) fn warnings(&self) -> u64 {
        self.warnings
    }

    /// Replaces "closed" by the reason, where the server gave one.
    pub(crate) fn explained<T>(
        &self,
        outcome: Result<T, tokio_postgres::Error>,
    ) -> Result<T, SessionError> {
        outcome.map_err(|error| match (SessionError::from(error), &self.lost) {
            (SessionError::Lost(_), Some(reason)) => SessionError::Lost(Arc::new(reason.clone())),
            (error, _) => error,
        })
    }
}

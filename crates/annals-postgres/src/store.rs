//! The store itself.

use std::sync::Arc;

use annals_core::telemetry::Origin;
use annals_core::{
    Append, AppendError, Appended, BoxFuture, CommandId, EventStore, LogId, Page, Position, Read,
    ReadError, Sequence, Snapshot, SnapshotError, SnapshotStore, StreamId,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::closed::Closed;
use crate::connect::Purpose;
use crate::facts::first_outcome;
use crate::herald::{Call, Herald};
use crate::migration;
use crate::news::News;
use crate::open_error::OpenError;
use crate::options::{PostgresOptions, SchemaAtOpen};
use crate::page::{Reader, read_error};
use crate::pool::Pool;
use crate::sequencer::{QUEUE_APPENDS_MAX, Queued, Sequencer, closed};
use crate::server::Server;
use crate::session::{Session, SessionError};
use crate::snapshots;
use crate::statement::Statement;

/// A log in a PostgreSQL database, and the snapshots beside it.
///
/// A handle has one connection that writes, a few that read and one that listens for news. It
/// belongs to the tokio runtime it was opened on: two tasks run there for as long as the handle
/// lives, and end with it. Any number of handles, in one process or many, can have the same log
/// open; each sees what all of them write.
///
/// A lost server is come back to by itself: appends wait for it for a while (see
/// [`PostgresOptions::unavailable_after`]), and whatever was sent and not answered is reported as
/// [`AppendError::Unknown`]. A server that comes back without something that was acknowledged or
/// read here, as after a failover to a standby that had fallen behind, is not worked with: every
/// call then says that the store is closed.
#[derive(Debug)]
pub struct PostgresStore {
    queue: mpsc::Sender<Queued>,
    news: Arc<News>,
    call: Call,
    pool: Arc<Pool>,
    reader: Reader,
    sequencer: Task,
    _herald: Task,
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PostgresStore {
    /// Opens the log, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError`], whose variants say what to do.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time.
    pub async fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        let server = Arc::new(Server::new(&options)?);
        let mut session = server.connect(Purpose::Primary).await.map_err(|source| {
            OpenError::Connect { target: server.primary.to_string(), source: Box::new(source) }
        })?;
        server.check(&mut session).await?;
        match options.schema {
            SchemaAtOpen::Migrate => {
                migration::apply(&mut session).await?;
            }
            SchemaAtOpen::Require => migration::check(&mut session).await?,
        }
        let news = Arc::new(News::default());
        prepare(&mut session, &news).await.map_err(|source| OpenError::Refused {
            task: "read the log",
            source: Box::new(source),
        })?;
        Ok(Self::start(&options, server, session, news))
    }

    fn start(
        options: &PostgresOptions,
        server: Arc<Server>,
        session: Session,
        news: Arc<News>,
    ) -> Self {
        let pool = |purpose| {
            Pool::new(Arc::clone(&server), Arc::clone(&news), purpose, options.readers_max)
        };
        let primary = Arc::new(pool(Purpose::Primary));
        let replica = server.replica.is_some().then(|| pool(Purpose::Replica));
        let (herald, call, bell) =
            Herald::new(Arc::clone(&server), Arc::clone(&news), options.has_doorbell);
        let (queue, queued) = mpsc::channel(QUEUE_APPENDS_MAX);
        let sequencer = Sequencer::new(
            queued,
            session,
            (Arc::clone(&server), Arc::clone(&primary)),
            (Arc::clone(&news), bell),
        );
        Self {
            queue,
            call,
            reader: Reader::new(Arc::clone(&primary), replica, Arc::clone(&news)),
            pool: primary,
            news,
            sequencer: Task(tokio::spawn(sequencer.run())),
            _herald: Task(tokio::spawn(herald.run())),
        }
    }

    /// Writes what is queued and ends. Dropping the handle ends at once: appends that are under
    /// way may then be written or not.
    pub async fn close(self) {
        let Self { queue, news, mut sequencer, .. } = self;
        drop(queue);
        // Ends by itself when the last batch is written; only a panic of its own comes back here.
        if let Err(error) = (&mut sequencer.0).await {
            tracing::error!(%error, "the sequencer did not end as it should");
        }
        news.close(Closed::ByOwner);
    }

    async fn send(&self, append: Append) -> Result<Appended, AppendError> {
        let (answer, outcome) = oneshot::channel();
        let queued = Queued { append, origin: Origin::here(), answer };
        let sent = match self.queue.try_send(queued) {
            Ok(()) => Ok(()),
            // The queue lets callers in by the order in which they came.
            Err(TrySendError::Full(queued)) => self.queue.send(queued).await.map_err(|_| ()),
            Err(TrySendError::Closed(_)) => Err(()),
        };
        sent.map_err(|()| closed(&self.news))?;
        outcome.await.unwrap_or_else(|_| Err(AppendError::Unknown { source: Box::new(Gone) }))
    }

    async fn find(&self, id: CommandId) -> Result<Option<Appended>, SessionError> {
        let mut session = self.pool.lend().await?;
        let rows = session.query(Statement::FindCommand, &[id.as_uuid()]).await;
        session.settle(&rows);
        let rows = rows?;
        let Some(row) = rows.first() else { return Ok(None) };
        first_outcome(row.try_get("first_position")?, row.try_get("sequences")?).map(Some)
    }

    async fn wait(&self, position: Position) -> Result<Position, ReadError> {
        let mut head = self.news.subscribe();
        let mut has_called = false;
        loop {
            if let Some(reason) = self.news.closed() {
                return Err(ReadError::Closed { source: reason.into() });
            }
            let known = *head.borrow_and_update();
            if known > position {
                return Ok(known);
            }
            // Another process may have written since this one last looked.
            if !has_called {
                self.call.call();
                has_called = true;
            }
            // Never an error: whoever publishes is part of this handle.
            let _ = head.changed().await;
        }
    }
}

/// Prepares what every batch needs, and learns where the log ends.
async fn prepare(session: &mut Session, news: &News) -> Result<(), SessionError> {
    session.prepare(Statement::LockHead).await?;
    session.prepare(Statement::Append).await?;
    session.prepare(Statement::AppendOne).await?;
    session.prepare(Statement::CheckConditions).await?;
    // Nothing was seen yet, so this only notes which log it is.
    news.check_log(session).await?;
    news.look(session).await.map(drop)
}

/// The runtime ended while the append was under way.
#[derive(Debug, thiserror::Error)]
#[error("the sequencer ended before it answered")]
struct Gone;

impl EventStore for PostgresStore {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.send(append))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move { self.reader.read(&read).await })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.reader.head())
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.wait(position))
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(async move { self.find(id).await.map_err(read_error) })
    }

    fn log_id(&self) -> LogId {
        self.news.log_id()
    }
}

impl SnapshotStore for PostgresStore {
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let saved = snapshots::save(&self.pool, &snapshot).await;
            saved.map_err(|error| SnapshotError(Box::new(error)))
        })
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            let loaded = snapshots::load(&self.pool, stream, state_version, up_to).await;
            loaded.map_err(|error| SnapshotError(Box::new(error)))
        })
    }
}

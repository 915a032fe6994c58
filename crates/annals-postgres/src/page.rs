//! Pages of the log.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annals_core::limits::PAGE_BYTES_MAX;
use annals_core::{Page, Position, Read, ReadError, RecordedEvent, Selection};
use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;

use crate::facts::position;
use crate::news::News;
use crate::page_query::Items;
use crate::pool::{Lent, Pool};
use crate::row::{Decoder, HEAD};
use crate::session::{Session, SessionError};
use crate::statement::Statement;

/// Reads pages from the primary, and from a replica where that has what was seen of the primary.
#[derive(Debug)]
pub(crate) struct Reader {
    primary: Arc<Pool>,
    replica: Option<Pool>,
    news: Arc<News>,
    /// Average bytes of an event, as far as pages have shown.
    event_bytes: AtomicUsize,
}

/// A page as the rows come in.
#[derive(Debug)]
struct Rows<'a> {
    read: &'a Read,
    decoder: Decoder,
    /// Events that may be in the page; the statement asks for one more, to see whether there is.
    events_max: usize,
    head: Position,
    events: Vec<RecordedEvent>,
    bytes: usize,
    is_cut: bool,
    /// Whether rows were left that the server is still sending.
    is_abandoned: bool,
}

impl Reader {
    pub(crate) fn new(primary: Arc<Pool>, replica: Option<Pool>, news: Arc<News>) -> Self {
        Self { primary, replica, news, event_bytes: AtomicUsize::new(0) }
    }

    pub(crate) async fn read(&self, read: &Read) -> Result<Page, ReadError> {
        let seen = self.news.head();
        if let Some(replica) = &self.replica {
            match self.read_replica(replica, read, seen).await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => tracing::debug!(%seen, "the replica is behind"),
                Err(error @ ReadError::Closed { .. }) => return Err(error),
                Err(error) => tracing::warn!(%error, "the replica cannot be read"),
            }
        }
        let session = self.primary.lend().await.map_err(read_error)?;
        let (page, head) = self.read_on(session, read).await?;
        if head < seen {
            self.check_log().await?;
        }
        self.news.publish(head);
        Ok(page)
    }

    /// The head of the primary.
    pub(crate) async fn head(&self) -> Result<Position, ReadError> {
        let seen = self.news.head();
        let mut session = self.primary.lend().await.map_err(read_error)?;
        let head = self.news.look(&mut session).await;
        session.settle(&head);
        let head = head.map_err(read_error)?;
        if head < seen {
            self.check_log().await?;
        }
        Ok(head)
    }

    /// The primary ends before what was already seen: it must not be read on.
    async fn check_log(&self) -> Result<(), ReadError> {
        let mut session = self.primary.lend().await.map_err(read_error)?;
        let checked = self.news.check_log(&mut session).await;
        session.settle(&checked);
        checked.map_err(read_error)
    }

    /// A page of what the primary is known to have; nothing if the replica does not have all of it.
    ///
    /// Whatever else a replica has may be what a failover took back, or never have been in the log:
    /// that is left to the primary.
    async fn read_replica(
        &self,
        replica: &Pool,
        read: &Read,
        seen: Position,
    ) -> Result<Option<Page>, ReadError> {
        let Some(newest) = self.news.newest().filter(|(position, _)| *position >= seen) else {
            return Ok(None);
        };
        let mut session = replica.lend().await.map_err(read_error)?;
        let is_in = self.news.is_in(&mut session, newest).await;
        if !matches!(is_in, Ok(true)) {
            session.settle(&is_in);
            return is_in.map(|_| None).map_err(read_error);
        }
        let read = read.clone().up_to(read.up_to_position().min(newest.0));
        self.read_on(session, &read).await.map(|(page, _)| Some(page))
    }

    /// A page, and the head in the same snapshot.
    async fn read_on(
        &self,
        mut session: Lent<'_>,
        read: &Read,
    ) -> Result<(Page, Position), ReadError> {
        let mut rows = Rows::new(read, self.events_max(read));
        let gathered = rows.gather(&mut session).await;
        self.end(session, &rows, &gathered);
        gathered.map_err(|failure| match failure {
            Failure::Session(error) => read_error(error),
            Failure::Row(error) => error,
        })?;
        self.note_event_bytes(&rows);
        if let Some(last) = rows.events.last() {
            self.news.remember(last.position, last.event_id);
        }
        let head = rows.head;
        Ok((rows.into_page(), head))
    }

    /// A session that is still being sent the rest of a page is closed.
    fn end(&self, session: Lent<'_>, rows: &Rows<'_>, gathered: &Result<(), Failure>) {
        let is_done = match gathered {
            Ok(()) => !rows.is_abandoned,
            Err(Failure::Session(error)) => error.is_survivable(),
            Err(Failure::Row(_)) => false,
        };
        if is_done {
            session.give_back();
        }
    }

    /// How many events to ask for: as many as are wanted, but not far more than fit into a page.
    fn events_max(&self, read: &Read) -> usize {
        let average = self.event_bytes.load(Ordering::Relaxed).max(1);
        read.limit_events().min((PAGE_BYTES_MAX / average).max(1))
    }

    fn note_event_bytes(&self, rows: &Rows<'_>) {
        if let Some(average) = rows.bytes.checked_div(rows.events.len()) {
            // A guess for the next page; it may be anybody's.
            self.event_bytes.store(average, Ordering::Relaxed);
        }
    }
}

/// What a reader is told.
pub(crate) fn read_error(error: SessionError) -> ReadError {
    match error {
        SessionError::Closed(reason) => ReadError::Closed { source: reason.into() },
        error => ReadError::Unavailable { source: Box::new(error) },
    }
}

enum Failure {
    Session(SessionError),
    Row(ReadError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Session(error.into())
    }
}

impl<'a> Rows<'a> {
    fn new(read: &'a Read, events_max: usize) -> Self {
        let stream = match read.selection() {
            Selection::Stream { stream, .. } => Some(stream),
            Selection::Query(_) => None,
        };
        Self {
            read,
            decoder: Decoder::new(stream),
            events_max,
            head: Position::ZERO,
            events: Vec::new(),
            bytes: 0,
            is_cut: false,
            is_abandoned: false,
        }
    }

    /// Runs the statement for the read's selection.
    async fn gather(&mut self, session: &mut Session) -> Result<(), Failure> {
        let after = self.read.after_position().as_i64();
        let up_to = self.read.up_to_position().as_i64();
        let limit = i64::try_from(self.events_max).unwrap_or(i64::MAX).saturating_add(1);
        match self.read.selection() {
            Selection::Stream { stream, after: sequence } => {
                let (kind, id) = (stream.aggregate_type(), stream.aggregate_id());
                let sequence = sequence.as_i64();
                let values: [&(dyn ToSql + Sync); 6] =
                    [&after, &up_to, &limit, &kind, &id, &sequence];
                self.run(session, Statement::ReadStream, &values).await
            }
            Selection::Query(query) if query.items().is_empty() => {
                self.run(session, Statement::ReadAll, &[&after, &up_to, &limit]).await
            }
            Selection::Query(query) => {
                let mut items = Items::default();
                items.add(query);
                let Items { tags, types, stream_types, stream_ids } = &items;
                let values: [&(dyn ToSql + Sync); 7] =
                    [&after, &up_to, &limit, tags, types, stream_types, stream_ids];
                self.run(session, Statement::ReadQuery, &values).await
            }
        }
    }

    async fn run(
        &mut self,
        session: &mut Session,
        statement: Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(), Failure> {
        let prepared = session.prepare(statement).await.map_err(Failure::Session)?;
        let (client, wire) = session.parts();
        wire.drive(async {
            let rows = client.query_raw(&prepared, values.iter().copied()).await?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await? {
                if !self.is_cut {
                    self.add(&row)?;
                }
                if self.is_cut && self.events.len() < self.events_max {
                    // Cut by its bytes: there may be any number of rows to come.
                    self.is_abandoned = true;
                    return Ok(());
                }
            }
            Ok(())
        })
        .await
    }

    fn add(&mut self, row: &tokio_postgres::Row) -> Result<(), Failure> {
        self.head = position(row.try_get(HEAD)?).map_err(Failure::Session)?;
        if self.events.len() == self.events_max {
            self.is_cut = true;
            return Ok(());
        }
        let Some(event) = self.decoder.event(row).map_err(Failure::Row)? else {
            return Ok(());
        };
        let bytes = event.payload.as_str().len() + event.metadata.as_str().len();
        if self.bytes + bytes > PAGE_BYTES_MAX && !self.events.is_empty() {
            self.is_cut = true;
            return Ok(());
        }
        self.check_place(&event).map_err(Failure::Row)?;
        self.bytes += bytes;
        self.events.push(event);
        Ok(())
    }

    /// The statements give events by rising position and leave none out, so one that is misplaced
    /// or missing was lost by an index, or changed by somebody who went around the store.
    fn check_place(&self, event: &RecordedEvent) -> Result<(), ReadError> {
        let last = self.events.last();
        let before = last.map_or(self.read.after_position(), |last| last.position);
        if event.position <= before {
            let detail = format!("it comes behind position {before}");
            return Err(ReadError::Corrupt { position: event.position, detail });
        }
        let is_next = match self.read.selection() {
            Selection::Stream { .. } => {
                last.is_none_or(|last| event.sequence == last.sequence.plus(1))
            }
            Selection::Query(query) => {
                !query.items().is_empty() || event.position == before.plus(1)
            }
        };
        if !is_next {
            let detail = "the event before it is missing".to_owned();
            return Err(ReadError::Corrupt { position: event.position, detail });
        }
        Ok(())
    }

    fn into_page(self) -> Page {
        if self.is_cut {
            let through = self.events.last().map_or(self.head, |last| last.position);
            return Page { events: self.events, through, has_more: true };
        }
        let end = self.head.min(self.read.up_to_position());
        let through = end.max(self.read.after_position());
        Page { events: self.events, through, has_more: false }
    }
}

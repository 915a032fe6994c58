//! Reading a page: one consistent view of a stretch of the log.

use annals_core::limits::PAGE_BYTES_MAX;
use annals_core::{
    EventQuery, Page, Position, QueryItem, Read, ReadError, RecordedEvent, Selection, Sequence,
    StreamId,
};
use rusqlite::Connection;

use crate::candidates::{Candidates, Next};
use crate::fault::Fault;
use crate::log;
use crate::row::{Decoder, EventRow};

/// Most events that are looked at for one page, whether selected or not. It bounds the time of a
/// page whose matches are rare: such a page is short and says that there is more.
const EXAMINED_MAX: usize = 10_000;

/// Reads a page in a view of its own.
pub(crate) fn read(
    connection: &Connection,
    decoder: &mut Decoder,
    read: &Read,
) -> Result<Page, ReadError> {
    let mut in_view = |connection: &Connection| {
        connection.prepare_cached(include_str!("sql/begin_read.sql"))?.execute([])?;
        let page = read_in_view(connection, decoder, read);
        // Nothing was written, so there is nothing to lose by an error here.
        let ended = connection.prepare_cached(include_str!("sql/commit.sql"))?.execute([]);
        let page = page?;
        ended?;
        Ok(page)
    };
    in_view(connection).map_err(|fault: Fault| fault.into_read_error(read.after_position()))
}

/// Reads a page in the view of the transaction that is open.
pub(crate) fn read_in_view(
    connection: &Connection,
    decoder: &mut Decoder,
    read: &Read,
) -> Result<Page, Fault> {
    let after = read.after_position();
    let end = log::head(connection)?.min(read.up_to_position());
    if end <= after {
        return Ok(Page { events: Vec::new(), through: after, has_more: false });
    }
    let mut page = Stretch {
        connection,
        decoder,
        after,
        end,
        limit: read.limit_events(),
        events: Vec::new(),
        through: after,
        bytes: 0,
        examined: 0,
    };
    match read.selection() {
        Selection::Stream { stream, after } => page.read_stream(stream, *after)?,
        Selection::Query(query) => page.read_query(query)?,
    }
    let Stretch { events, through, .. } = page;
    Ok(Page { events, through, has_more: through < end })
}

/// Where the first event after `after` stands that matches `query`, in the view of the
/// transaction that is open.
pub(crate) fn first_match(
    connection: &Connection,
    decoder: &mut Decoder,
    query: &EventQuery,
    after: Position,
    up_to: Position,
) -> Result<Option<Position>, Fault> {
    let mut after = after;
    loop {
        let read = Read::query(query.clone()).after(after).up_to(up_to).limit(1);
        let page = read_in_view(connection, decoder, &read)?;
        if let Some(event) = page.events.first() {
            return Ok(Some(event.position));
        }
        if !page.has_more {
            return Ok(None);
        }
        after = page.through;
    }
}

/// A page while it is read.
struct Stretch<'a> {
    connection: &'a Connection,
    decoder: &'a mut Decoder,
    after: Position,
    end: Position,
    limit: usize,
    events: Vec<RecordedEvent>,
    /// Complete up to here.
    through: Position,
    /// Of payload and metadata of all events looked at.
    bytes: usize,
    examined: usize,
}

impl Stretch<'_> {
    fn read_query(&mut self, query: &EventQuery) -> Result<(), Fault> {
        let items = query.items();
        let candidates = match items {
            [] => None,
            items => Candidates::new(self.connection, items, self.after, self.end)?,
        };
        match candidates {
            Some(candidates) => self.read_candidates(query, candidates),
            None => self.read_log(query),
        }
    }

    /// Every event in turn.
    fn read_log(&mut self, query: &EventQuery) -> Result<(), Fault> {
        let items = query.items();
        let is_everything = items.is_empty();
        let limit = if is_everything { self.limit } else { EXAMINED_MAX };
        if is_everything {
            self.events.reserve(limit.min(distance(self.after, self.end)));
        }
        let mut statement = self.connection.prepare_cached(include_str!("sql/log_page.sql"))?;
        let key =
            (self.after.as_i64(), self.end.as_i64(), i64::try_from(limit).unwrap_or(i64::MAX));
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            let stored = EventRow::from_row(row)?;
            let expected = self.through.plus(1);
            if stored.position != expected {
                return Err(Fault::damaged(expected, "it is missing"));
            }
            if !self.has_room_for(&stored) {
                return Ok(());
            }
            if is_everything || may_match(items, &stored) {
                let event = self.decoder.decode(&stored)?;
                if query.matches(&event) {
                    self.events.push(event);
                }
            }
            self.through = stored.position;
            if self.events.len() == self.limit {
                return Ok(());
            }
        }
        if self.examined < limit && self.through < self.end {
            return Err(Fault::damaged(self.through.plus(1), "it is missing"));
        }
        Ok(())
    }

    /// The events at the positions the indexes give.
    fn read_candidates(
        &mut self,
        query: &EventQuery,
        mut candidates: Candidates<'_>,
    ) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/event_at.sql"))?;
        loop {
            let position = match candidates.seek(self.through.plus(1))? {
                Next::At(position) => position,
                Next::NotBefore(position) => {
                    self.through = position.before().min(self.end);
                    return Ok(());
                }
                Next::End => {
                    self.through = self.end;
                    return Ok(());
                }
            };
            let mut rows = statement.query([position.as_i64()])?;
            let row = rows.next()?;
            let row = row.ok_or_else(|| Fault::damaged(position, "it is missing"))?;
            let stored = EventRow::from_row(row)?;
            if !self.has_room_for(&stored) {
                self.through = position.before();
                return Ok(());
            }
            let event = self.decoder.decode(&stored)?;
            if query.matches(&event) {
                self.events.push(event);
            }
            self.through = position;
            if self.events.len() == self.limit || self.examined >= EXAMINED_MAX {
                return Ok(());
            }
        }
    }

    fn read_stream(&mut self, stream: &StreamId, known: Sequence) -> Result<(), Fault> {
        let known = known.max(log::sequence_at(self.connection, stream, self.after)?);
        // One more than asked for tells whether the page is complete up to the end.
        let limit = i64::try_from(self.limit + 1).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(include_str!("sql/stream_page.sql"))?;
        let key = (stream.aggregate_type(), stream.aggregate_id(), known.as_i64(), limit);
        let mut rows = statement.query(key)?;
        let mut sequence = known;
        while let Some(row) = rows.next()? {
            let stored = EventRow::from_row(row)?;
            if stored.position > self.end {
                break;
            }
            if self.events.len() == self.limit || !self.has_room_for(&stored) {
                return Ok(());
            }
            sequence = sequence.plus(1);
            if stored.sequence != sequence {
                let detail = format!("sequence {sequence} of its stream is missing");
                return Err(Fault::damaged(stored.position, detail));
            }
            self.through = stored.position;
            self.events.push(self.decoder.decode(&stored)?);
        }
        self.through = self.end;
        Ok(())
    }

    /// Counts an event, unless it would take the page over its bytes. The first always fits.
    fn has_room_for(&mut self, stored: &EventRow<'_>) -> bool {
        self.bytes += stored.content_bytes();
        if self.bytes > PAGE_BYTES_MAX && self.examined > 0 {
            return false;
        }
        self.examined += 1;
        true
    }
}

/// What can be told before the event is made: most events of a log are of other types.
fn may_match(items: &[QueryItem], stored: &EventRow<'_>) -> bool {
    items.iter().any(|item| {
        item.types().is_empty()
            || item.types().iter().any(|asked| asked.as_str() == stored.event_type())
    })
}

fn distance(after: Position, end: Position) -> usize {
    usize::try_from(end.get().saturating_sub(after.get())).unwrap_or(usize::MAX)
}

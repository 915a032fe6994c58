//! Which positions a query may select, found by B-tree seeks.
//!
//! The indexes give candidates, in the order of the log: every event that matches is among them,
//! some that do not may be. [`annals_core::EventQuery::matches`] has the last word, on the event
//! itself.

use annals_core::{Position, QueryItem, StreamId, Tag};
use rusqlite::Connection;

use crate::fault::Fault;
use crate::log::{position, sequence_at};

/// Entries fetched at first; each further fetch of the same cursor doubles it.
const FETCH_MIN: usize = 16;
/// Most entries fetched at once.
const FETCH_MAX: usize = 1024;
/// Most entries one cursor reads for one page. It bounds the time of a page whose matches are
/// rare: the page then ends early and says that there is more.
const ENTRIES_MAX: usize = 10_000;

/// How far a look ahead came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next candidate.
    At(Position),
    /// No candidate before this position; from there on nobody has looked.
    NotBefore(Position),
    /// No further candidate.
    End,
}

impl Next {
    /// Earlier first; at the same position what is known before what is not.
    fn order(self) -> (Position, bool) {
        match self {
            Self::At(position) => (position, false),
            Self::NotBefore(position) => (position, true),
            Self::End => (Position::MAX, true),
        }
    }
}

/// The candidates of a whole query: those of all its items, merged.
pub(crate) struct Candidates<'c> {
    connection: &'c Connection,
    items: Vec<Item<'c>>,
}

impl<'c> Candidates<'c> {
    /// `None` if an item names types only: no index helps then, the log itself must be read.
    pub(crate) fn new(
        connection: &'c Connection,
        items: &'c [QueryItem],
        after: Position,
        end: Position,
    ) -> Result<Option<Self>, Fault> {
        let mut sources = Vec::with_capacity(items.len());
        for item in items {
            if !item.tags().is_empty() {
                let cursors = item.tags().iter().map(|tag| Cursor::new(Source::Tag { tag, item }));
                sources.push(Item::All(cursors.collect()));
            } else if !item.streams().is_empty() {
                let mut cursors = Vec::with_capacity(item.streams().len());
                for stream in item.streams() {
                    let known = sequence_at(connection, stream, after)?.as_i64();
                    cursors.push(Cursor::new(Source::Stream { stream, known }));
                }
                sources.push(Item::Any(cursors));
            } else {
                return Ok(None);
            }
        }
        for cursor in sources.iter_mut().flat_map(Item::cursors) {
            cursor.end = end;
        }
        Ok(Some(Self { connection, items: sources }))
    }

    /// The first candidate at or after `from`, which must not go back.
    pub(crate) fn seek(&mut self, from: Position) -> Result<Next, Fault> {
        let mut next = Next::End;
        for item in &mut self.items {
            next = earlier(next, item.seek(self.connection, from)?);
        }
        Ok(next)
    }
}

fn earlier(one: Next, other: Next) -> Next {
    if other.order() < one.order() { other } else { one }
}

enum Item<'c> {
    /// Positions in all of the lists.
    All(Vec<Cursor<'c>>),
    /// Positions in any of the lists.
    Any(Vec<Cursor<'c>>),
}

impl<'c> Item<'c> {
    fn cursors(&mut self) -> &mut [Cursor<'c>] {
        match self {
            Self::All(cursors) | Self::Any(cursors) => cursors,
        }
    }

    fn seek(&mut self, connection: &Connection, from: Position) -> Result<Next, Fault> {
        match self {
            Self::Any(cursors) => {
                let mut next = Next::End;
                for cursor in cursors {
                    next = earlier(next, cursor.seek(connection, from)?);
                }
                Ok(next)
            }
            Self::All(cursors) => {
                // Each list skips to where the others are, so the rarest one sets the pace.
                let mut from = from;
                loop {
                    let mut furthest = from;
                    for cursor in cursors.iter_mut() {
                        match cursor.seek(connection, furthest)? {
                            Next::At(position) => furthest = position,
                            other => return Ok(other),
                        }
                    }
                    if furthest == from {
                        return Ok(Next::At(from));
                    }
                    from = furthest;
                }
            }
        }
    }
}

/// One ascending list of positions in an index, fetched in growing pieces.
struct Cursor<'c> {
    source: Source<'c>,
    end: Position,
    /// What was fetched and not passed yet, the next one last.
    fetched: Vec<Position>,
    /// Everything before this has been fetched.
    unread: Position,
    is_exhausted: bool,
    fetch: usize,
    entries: usize,
}

enum Source<'c> {
    Tag { tag: &'c Tag, item: &'c QueryItem },
    Stream { stream: &'c StreamId, known: i64 },
}

impl<'c> Cursor<'c> {
    fn new(source: Source<'c>) -> Self {
        Self {
            source,
            end: Position::MAX,
            fetched: Vec::new(),
            unread: Position::ZERO,
            is_exhausted: false,
            fetch: FETCH_MIN,
            entries: 0,
        }
    }

    fn seek(&mut self, connection: &Connection, from: Position) -> Result<Next, Fault> {
        loop {
            while self.fetched.last().is_some_and(|position| *position < from) {
                self.fetched.pop();
            }
            if let Some(position) = self.fetched.last() {
                return Ok(Next::At(*position));
            }
            let from = from.max(self.unread);
            if self.is_exhausted || from > self.end {
                return Ok(Next::End);
            }
            if self.entries >= ENTRIES_MAX {
                return Ok(Next::NotBefore(from));
            }
            self.fetch(connection, from)?;
        }
    }

    fn fetch(&mut self, connection: &Connection, from: Position) -> Result<(), Fault> {
        let limit = i64::try_from(self.fetch).unwrap_or(i64::MAX);
        let mut read = 0;
        let mut last = from;
        match &mut self.source {
            Source::Tag { tag, item } => {
                let mut statement =
                    connection.prepare_cached(include_str!("sql/tag_positions.sql"))?;
                let key = (tag.as_str(), from.as_i64(), self.end.as_i64(), limit);
                let mut rows = statement.query(key)?;
                while let Some(row) = rows.next()? {
                    last = position(row.get(0)?)?;
                    let event_type = row.get_ref(1)?.as_str().unwrap_or_default();
                    let is_asked_for = item.types().is_empty()
                        || item.types().iter().any(|asked| asked.as_str() == event_type);
                    if is_asked_for {
                        self.fetched.push(last);
                    }
                    read += 1;
                }
            }
            Source::Stream { stream, known } => {
                let mut statement =
                    connection.prepare_cached(include_str!("sql/stream_positions.sql"))?;
                let key = (stream.aggregate_type(), stream.aggregate_id(), *known, limit);
                let mut rows = statement.query(key)?;
                while let Some(row) = rows.next()? {
                    *known = row.get(0)?;
                    last = position(row.get(1)?)?;
                    if last <= self.end {
                        self.fetched.push(last);
                    }
                    read += 1;
                }
            }
        }
        self.fetched.reverse();
        self.is_exhausted = read < self.fetch || last > self.end;
        self.unread = last.plus(1);
        self.entries += read;
        self.fetch = (self.fetch * 2).min(FETCH_MAX);
        Ok(())
    }
}

//! Events as rows: read, verified, and turned into the contract's type.

use std::sync::Arc;

use annals_core::{EventId, EventType, Json, Position, RecordedEvent, Sequence, StreamId, Tag};
use chrono::DateTime;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::checksum::{Content, ContentChecksum, Place};
use crate::fault::Fault;

/// Most names kept for sharing. There are few event types and aggregate types, so looking through
/// a list is faster than hashing; those beyond it are merely not shared.
const SHARED_NAMES_MAX: usize = 64;

/// A row of `event`, verified against its checksum, still in SQLite's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRow<'row> {
    pub(crate) position: Position,
    pub(crate) sequence: Sequence,
    timestamp: i64,
    content: Content<'row>,
}

impl<'row> EventRow<'row> {
    /// Reads the columns in the order of the statements: as the table has them.
    pub(crate) fn from_row(row: &'row Row<'_>) -> Result<Self, Fault> {
        let position = Columns { row, position: Position::ZERO }.number(0)?;
        let columns = Columns { row, position };
        let stored = Self {
            position,
            sequence: columns.number(3)?,
            timestamp: columns.number(10)?,
            content: Content {
                aggregate_type: columns.text(1)?,
                aggregate_id: columns.text(2)?,
                event_type: columns.text(4)?,
                event_version: columns.number(5)?,
                event_id: columns.bytes(6)?,
                payload: columns.text(7)?,
                metadata: columns.text(8)?,
                tags: columns.text_or_null(9)?,
            },
        };
        let place = Place {
            position: position.as_i64(),
            sequence: stored.sequence.as_i64(),
            timestamp: stored.timestamp,
        };
        let checksum: i64 = columns.number(11)?;
        if checksum != i64::from(ContentChecksum::of(stored.content).at(place)) {
            return Err(Fault::damaged(position, "its checksum does not match"));
        }
        Ok(stored)
    }

    pub(crate) fn event_type(&self) -> &'row str {
        self.content.event_type
    }

    /// Bytes of payload and metadata.
    pub(crate) fn content_bytes(&self) -> usize {
        self.content.payload.len() + self.content.metadata.len()
    }
}

/// The columns of a row, each of which must hold what it was declared as.
struct Columns<'row, 's> {
    row: &'row Row<'s>,
    position: Position,
}

impl<'row> Columns<'row, '_> {
    fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Integer(number) => T::try_from(number).map_err(|_| self.damaged(column)),
            _ => Err(self.damaged(column)),
        }
    }

    fn text(&self, column: usize) -> Result<&'row str, Fault> {
        self.text_or_null(column)?.ok_or_else(|| self.damaged(column))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<&'row str>, Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Text(text) => {
                std::str::from_utf8(text).map(Some).map_err(|_| self.damaged(column))
            }
            ValueRef::Null => Ok(None),
            _ => Err(self.damaged(column)),
        }
    }

    fn bytes(&self, column: usize) -> Result<&'row [u8], Fault> {
        match self.row.get_ref(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.damaged(column)),
        }
    }

    #[cold]
    fn damaged(&self, column: usize) -> Fault {
        let name = self.row.as_ref().column_name(column).unwrap_or("a column");
        Fault::damaged(self.position, format!("{name} holds something else"))
    }
}

/// Makes events from rows, sharing the texts that repeat.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    aggregate_types: Vec<Arc<str>>,
    event_types: Vec<EventType>,
    /// Events of one stream tend to come together.
    last_stream: Option<StreamId>,
}

impl Decoder {
    pub(crate) fn decode(&mut self, stored: &EventRow<'_>) -> Result<RecordedEvent, Fault> {
        let EventRow { position, sequence, timestamp, content } = *stored;
        let damaged = |detail: &str| Fault::damaged(position, detail);
        let event_id =
            Uuid::from_slice(content.event_id).map_err(|_| damaged("its id is not a UUID"))?;
        let tags = match content.tags {
            None => Vec::new(),
            Some(text) => read_tags(text).map_err(|_| damaged("its tags are not a list"))?,
        };
        let timestamp = DateTime::from_timestamp_micros(timestamp)
            .ok_or_else(|| damaged("its timestamp is beyond the calendar"))?;
        Ok(RecordedEvent {
            position,
            stream: self.stream(content.aggregate_type, content.aggregate_id),
            sequence,
            event_type: self.event_type(content.event_type),
            event_version: content.event_version,
            event_id: EventId::from_uuid(event_id),
            payload: Json::from_stored(content.payload),
            metadata: Json::from_stored(content.metadata),
            tags,
            timestamp,
        })
    }

    fn stream(&mut self, aggregate_type: &str, aggregate_id: &str) -> StreamId {
        if let Some(last) = &self.last_stream
            && last.aggregate_id() == aggregate_id
            && last.aggregate_type() == aggregate_type
        {
            return last.clone();
        }
        let aggregate_type =
            shared(&mut self.aggregate_types, aggregate_type, |name| name, |name| name.into());
        let stream = StreamId::from_stored(aggregate_type, aggregate_id);
        self.last_stream = Some(stream.clone());
        stream
    }

    fn event_type(&mut self, name: &str) -> EventType {
        shared(&mut self.event_types, name, EventType::as_str, |name| EventType::from_stored(name))
    }
}

/// The known value with this name, or a new one.
fn shared<T: Clone>(
    known: &mut Vec<T>,
    name: &str,
    name_of: impl Fn(&T) -> &str,
    make: impl FnOnce(&str) -> T,
) -> T {
    if let Some(value) = known.iter().find(|value| name_of(value) == name) {
        return value.clone();
    }
    let value = make(name);
    if known.len() < SHARED_NAMES_MAX {
        known.push(value.clone());
    }
    value
}

/// The text of the column `tags`.
pub(crate) fn write_tags(tags: &[Tag]) -> Option<String> {
    if tags.is_empty() {
        return None;
    }
    let texts: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    Some(serde_json::to_string(&texts).expect("a list of texts has a JSON form"))
}

fn read_tags(text: &str) -> Result<Vec<Tag>, serde_json::Error> {
    let texts: Vec<String> = serde_json::from_str(text)?;
    Ok(texts.into_iter().map(Tag::from_stored).collect())
}

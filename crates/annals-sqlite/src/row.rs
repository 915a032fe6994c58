//! Events as rows: read, verified, and turned into the contract's type.

use std::collections::HashMap;
use std::sync::Arc;

use annals_core::{EventId, EventType, Json, Position, RecordedEvent, Sequence, StreamId, Tag};
use chrono::DateTime;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, ValueRef};
use uuid::Uuid;

use crate::checksum::{Content, ContentChecksum, Place};
use crate::fault::Fault;

/// Most names kept for sharing. There are few event types and aggregate types; should somebody
/// make them up by the thousand, they are merely no longer shared.
const SHARED_NAMES_MAX: usize = 1024;

/// A row of `event`, verified against its checksum, still in SQLite's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredEvent<'row> {
    pub(crate) position: Position,
    pub(crate) sequence: Sequence,
    timestamp: i64,
    content: Content<'row>,
}

impl<'row> StoredEvent<'row> {
    /// Reads the columns in the order of the statements: as the table has them.
    pub(crate) fn from_row(row: &'row Row<'_>) -> Result<Self, Fault> {
        let position = row.get_ref(0)?.as_i64().ok().and_then(|value| value.try_into().ok());
        let position =
            position.ok_or_else(|| Fault::damaged(Position::ZERO, "it has no position"))?;
        Self::columns(row, position)?
            .map_err(|error| Fault::damaged(position, format!("a column has no value: {error}")))?
            .verified(row)
    }

    /// The outer error is SQLite's, the inner one says that a column holds something else.
    fn columns(
        row: &'row Row<'_>,
        position: Position,
    ) -> Result<Result<Self, FromSqlError>, Fault> {
        let values = (
            row.get_ref(1)?,
            row.get_ref(2)?,
            row.get_ref(3)?,
            row.get_ref(4)?,
            row.get_ref(5)?,
            row.get_ref(6)?,
            row.get_ref(7)?,
            row.get_ref(8)?,
            row.get_ref(9)?,
            row.get_ref(10)?,
        );
        let read = || {
            let (kind, id, sequence, event_type, version, event_id, payload, metadata, tags, time) =
                values;
            Ok(Self {
                position,
                sequence: number(sequence)?,
                timestamp: time.as_i64()?,
                content: Content {
                    aggregate_type: kind.as_str()?,
                    aggregate_id: id.as_str()?,
                    event_type: event_type.as_str()?,
                    event_version: number(version)?,
                    event_id: event_id.as_blob()?,
                    payload: payload.as_str()?,
                    metadata: metadata.as_str()?,
                    tags: tags.as_str_or_null()?,
                },
            })
        };
        Ok(read())
    }

    fn verified(self, row: &Row<'_>) -> Result<Self, Fault> {
        let place = Place {
            position: self.position.as_i64(),
            sequence: self.sequence.as_i64(),
            timestamp: self.timestamp,
        };
        let computed = ContentChecksum::of(self.content).at(place);
        match row.get_ref(11)?.as_i64() {
            Ok(stored) if stored == i64::from(computed) => Ok(self),
            _ => Err(Fault::damaged(self.position, "its checksum does not match")),
        }
    }

    pub(crate) fn event_type(&self) -> &'row str {
        self.content.event_type
    }

    /// Bytes of payload and metadata.
    pub(crate) fn content_bytes(&self) -> usize {
        self.content.payload.len() + self.content.metadata.len()
    }
}

fn number<T: TryFrom<i64>>(value: ValueRef<'_>) -> Result<T, FromSqlError> {
    let value = value.as_i64()?;
    T::try_from(value).map_err(|_| FromSqlError::OutOfRange(value))
}

/// Makes events from rows, sharing the texts that repeat.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    aggregate_types: HashMap<Box<str>, Arc<str>>,
    event_types: HashMap<Box<str>, EventType>,
    /// Events of one stream tend to come together.
    last_stream: Option<StreamId>,
}

impl Decoder {
    pub(crate) fn decode(&mut self, stored: &StoredEvent<'_>) -> Result<RecordedEvent, Fault> {
        let StoredEvent { position, sequence, timestamp, content } = *stored;
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
        let shared = shared(&mut self.aggregate_types, aggregate_type, Arc::from);
        let stream = StreamId::from_stored(shared, aggregate_id);
        self.last_stream = Some(stream.clone());
        stream
    }

    fn event_type(&mut self, name: &str) -> EventType {
        shared(&mut self.event_types, name, EventType::from_stored)
    }
}

fn shared<'a, T: Clone>(
    known: &mut HashMap<Box<str>, T>,
    name: &'a str,
    make: impl FnOnce(&'a str) -> T,
) -> T {
    if let Some(value) = known.get(name) {
        return value.clone();
    }
    if known.len() >= SHARED_NAMES_MAX {
        known.clear();
    }
    let value = make(name);
    known.insert(name.into(), value.clone());
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

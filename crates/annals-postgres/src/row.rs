//! Events as the database holds them.

use std::error::Error;

use annals_core::{
    EventId, EventType, Json, Position, ReadError, RecordedEvent, Sequence, StreamId, Tag,
};
use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};
use uuid::Uuid;

use crate::json_text::JsonText;

/// Columns of a page, in their order. Looking them up by name would take longer than reading them.
pub(crate) const HEAD: usize = 0;
const POSITION: usize = 1;
const SEQUENCE: usize = 2;
const TIMESTAMP: usize = 3;
const EVENT_ID: usize = 4;
const EVENT_VERSION: usize = 5;
const EVENT_TYPE: usize = 6;
const PAYLOAD: usize = 7;
const METADATA: usize = 8;
const TAGS: usize = 9;
/// Only where a page is not of one stream.
const AGGREGATE_TYPE: usize = 10;
const AGGREGATE_ID: usize = 11;

/// Microseconds from 1970 to 2000, from where PostgreSQL counts.
const EPOCH_MICROS: u64 = 946_684_800 * 1_000_000;

/// A timestamp as PostgreSQL sends it, in microseconds since 2000.
struct Timestamp(DateTime<Utc>);

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?).checked_add_unsigned(EPOCH_MICROS);
        let timestamp = micros.and_then(DateTime::from_timestamp_micros);
        timestamp.map(Self).ok_or_else(|| format!("{of} is out of range").into())
    }

    accepts!(TIMESTAMPTZ);
}

/// Reads the events of a page, and shares what follows on itself: streams and types.
///
/// Names, tags and JSON are taken as they are: the store has written nothing that is outside of the
/// limits, and checking them again for each event would take longer than reading them.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    stream: Option<StreamId>,
    event_type: Option<EventType>,
}

impl Decoder {
    /// `stream` is given where the statement reads one stream only, and the rows do not repeat it.
    pub(crate) fn new(stream: Option<&StreamId>) -> Self {
        Self { stream: stream.cloned(), event_type: None }
    }

    /// The event in a row of a page; `None` for the row of a page without events.
    pub(crate) fn event(&mut self, row: &Row) -> Result<Option<RecordedEvent>, ReadError> {
        let position: Option<i64> = row.try_get(POSITION).map_err(|error| broken(0, &error))?;
        let Some(number) = position else { return Ok(None) };
        self.recorded(row, number).map(Some).map_err(|error| broken(number, &*error))
    }

    fn recorded(
        &mut self,
        row: &Row,
        position: i64,
    ) -> Result<RecordedEvent, Box<dyn Error + Send + Sync>> {
        let version: i32 = row.try_get(EVENT_VERSION)?;
        let tags: Option<Vec<&str>> = row.try_get(TAGS)?;
        Ok(RecordedEvent {
            position: Position::try_from(position)?,
            stream: self.stream(row)?,
            sequence: Sequence::try_from(row.try_get::<_, i64>(SEQUENCE)?)?,
            event_type: self.event_type(row)?,
            event_version: u32::try_from(version)?,
            event_id: EventId::from_uuid(row.try_get::<_, Uuid>(EVENT_ID)?),
            payload: Json::from_stored(row.try_get::<_, JsonText<'_>>(PAYLOAD)?.0),
            metadata: Json::from_stored(row.try_get::<_, JsonText<'_>>(METADATA)?.0),
            tags: tags.unwrap_or_default().into_iter().map(Tag::from_stored).collect(),
            timestamp: row.try_get::<_, Timestamp>(TIMESTAMP)?.0,
        })
    }

    fn stream(&mut self, row: &Row) -> Result<StreamId, tokio_postgres::Error> {
        if row.len() > AGGREGATE_ID {
            let aggregate_type: &str = row.try_get(AGGREGATE_TYPE)?;
            let aggregate_id: &str = row.try_get(AGGREGATE_ID)?;
            let is_same = self.stream.as_ref().is_some_and(|last| {
                last.aggregate_id() == aggregate_id && last.aggregate_type() == aggregate_type
            });
            if !is_same {
                self.stream = Some(StreamId::from_stored(aggregate_type, aggregate_id));
            }
        }
        Ok(self.stream.clone().expect("a page is of one stream, or its rows say of which"))
    }

    fn event_type(&mut self, row: &Row) -> Result<EventType, tokio_postgres::Error> {
        let name: &str = row.try_get(EVENT_TYPE)?;
        match &self.event_type {
            Some(last) if last.as_str() == name => Ok(last.clone()),
            _ => Ok(self.event_type.insert(EventType::from_stored(name)).clone()),
        }
    }
}

fn broken(position: i64, error: &(dyn Error + 'static)) -> ReadError {
    let position = Position::try_from(position).unwrap_or(Position::ZERO);
    ReadError::Corrupt { position, detail: error.to_string() }
}

//! Events as the database holds them.

use annals_core::{
    EventId, EventType, Json, Position, ReadError, RecordedEvent, Sequence, StreamId, Tag,
};
use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::json_text::JsonText;

/// The event in a row of a page; `None` for the row of a page without events.
///
/// `stream` is given where the statement reads one stream only, and the row does not repeat it.
pub(crate) fn event(
    row: &Row,
    stream: Option<&StreamId>,
) -> Result<Option<RecordedEvent>, ReadError> {
    let position: Option<i64> = row.try_get("position").map_err(|error| broken(0, &error))?;
    let Some(number) = position else { return Ok(None) };
    recorded(row, number, stream).map(Some).map_err(|error| broken(number, &*error))
}

fn broken(position: i64, error: &(dyn std::error::Error + 'static)) -> ReadError {
    let position = Position::try_from(position).unwrap_or(Position::ZERO);
    ReadError::Corrupt { position, detail: error.to_string() }
}

fn recorded(
    row: &Row,
    position: i64,
    stream: Option<&StreamId>,
) -> Result<RecordedEvent, Box<dyn std::error::Error + Send + Sync>> {
    let stream = match stream {
        Some(stream) => stream.clone(),
        None => {
            let aggregate_type: &str = row.try_get("aggregate_type")?;
            let aggregate_id: &str = row.try_get("aggregate_id")?;
            StreamId::new(aggregate_type, aggregate_id)?
        }
    };
    let version: i32 = row.try_get("event_version")?;
    let tags: Option<Vec<&str>> = row.try_get("tags")?;
    let tags = tags.unwrap_or_default().into_iter().map(Tag::parse).collect::<Result<_, _>>()?;
    Ok(RecordedEvent {
        position: Position::try_from(position)?,
        stream,
        sequence: Sequence::try_from(row.try_get::<_, i64>("sequence")?)?,
        event_type: EventType::new(row.try_get::<_, &str>("event_type")?)?,
        event_version: u32::try_from(version)?,
        event_id: EventId::from_uuid(row.try_get::<_, Uuid>("event_id")?),
        payload: Json::from_stored(row.try_get::<_, JsonText<'_>>("payload")?.0),
        metadata: Json::from_stored(row.try_get::<_, JsonText<'_>>("metadata")?.0),
        tags,
        timestamp: row.try_get::<_, DateTime<Utc>>("timestamp")?,
    })
}

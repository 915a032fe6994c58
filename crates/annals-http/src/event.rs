//! An event as it is told to callers.

use annals_core::{EventId, Json, Position, RecordedEvent, Sequence, Tag};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// An event as it stands in the log: the same JSON in the feed and in the admin API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordedEvent)]
pub struct EventBody<'a> {
    /// Its place in the log.
    #[schema(value_type = u64)]
    position: Position,
    /// What kind of aggregate it belongs to.
    aggregate_type: &'a str,
    /// Which aggregate it belongs to.
    aggregate_id: &'a str,
    /// Its place in the aggregate's stream.
    #[schema(value_type = u64)]
    sequence: Sequence,
    /// Its stable name.
    event_type: &'a str,
    /// The shape of its payload.
    event_version: u32,
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    event_id: EventId,
    /// When the log took it.
    timestamp: DateTime<Utc>,
    /// What happened.
    #[schema(value_type = serde_json::Value)]
    payload: &'a Json,
    /// What accompanies it.
    #[schema(value_type = serde_json::Value)]
    metadata: &'a Json,
    /// What it can be found by.
    #[schema(value_type = Vec<String>)]
    tags: &'a [Tag],
}

impl<'a> EventBody<'a> {
    /// The event as it is told.
    #[must_use]
    pub fn new(event: &'a RecordedEvent) -> Self {
        Self {
            position: event.position,
            aggregate_type: event.stream.aggregate_type(),
            aggregate_id: event.stream.aggregate_id(),
            sequence: event.sequence,
            event_type: event.event_type.as_str(),
            event_version: event.event_version,
            event_id: event.event_id,
            timestamp: event.timestamp,
            payload: &event.payload,
            metadata: &event.metadata,
            tags: &event.tags,
        }
    }
}

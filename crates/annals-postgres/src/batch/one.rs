//! A batch of one event.

use annals_core::{Position, Sequence, Tag};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::int;
use crate::draft::Draft;
use crate::json_text::JsonText;

/// The values of `append_one.sql`.
#[derive(Debug)]
pub(super) struct One<'a> {
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: Option<i64>,
    last_event: Option<Uuid>,
    known_head: Option<i64>,
    current_sequence: Option<i64>,
    event_type: &'a str,
    event_version: i32,
    event_id: Uuid,
    payload: JsonText<'a>,
    metadata: JsonText<'a>,
    tags: Option<Vec<&'a str>>,
    command_id: Option<Uuid>,
}

impl<'a> One<'a> {
    pub(super) fn of(draft: &Draft<'a>) -> Option<Self> {
        let (append, slot) = draft.single()?;
        let event = append.events().first()?;
        let tags = event.tags();
        Some(Self {
            aggregate_type: slot.stream.aggregate_type(),
            aggregate_id: slot.stream.aggregate_id(),
            sequence: slot.assumed_sequence().map(Sequence::as_i64),
            last_event: slot.assumed_event().map(|id| *id.as_uuid()),
            known_head: draft.known_head().map(Position::as_i64),
            current_sequence: slot.current_sequence().map(Sequence::as_i64),
            event_type: event.event_type().as_str(),
            event_version: int(event.event_version()),
            event_id: *event.event_id().as_uuid(),
            payload: JsonText(event.payload().as_str()),
            metadata: JsonText(event.metadata().as_str()),
            tags: (!tags.is_empty()).then(|| tags.iter().map(Tag::as_str).collect()),
            command_id: append.command_id().map(|id| *id.as_uuid()),
        })
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.aggregate_type,
            &self.aggregate_id,
            &self.sequence,
            &self.last_event,
            &self.known_head,
            &self.current_sequence,
            &self.event_type,
            &self.event_version,
            &self.event_id,
            &self.payload,
            &self.metadata,
            &self.tags,
            &self.command_id,
        ]
    }
}

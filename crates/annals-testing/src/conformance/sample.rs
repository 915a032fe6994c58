//! Streams, events and appends to try a store with.

use std::sync::Arc;

use annals_core::limits::PAYLOAD_BYTES_MAX;
use annals_core::{
    Append, AppendCondition, Appended, CommandId, EventQuery, EventStore, EventType, Json,
    NewEvent, Position, QueryItem, Sequence, StreamId, SystemClock, Tag,
};

use super::harness::{Harness, LogUnderTest};

/// A new log whose time does not matter.
pub(crate) async fn new_log(harness: &dyn Harness) -> Box<dyn LogUnderTest> {
    harness.create(Arc::new(SystemClock)).await
}

pub(crate) fn stream(id: impl Into<String>) -> StreamId {
    StreamId::new("sample", id.into()).expect("the samples' ids are valid")
}

pub(crate) fn event_type(name: &str) -> EventType {
    EventType::new(name).expect("the samples' event types are valid")
}

pub(crate) fn of_type(name: &str) -> EventQuery {
    EventQuery::any_of([QueryItem::new().event_type(event_type(name))])
        .expect("one item is within the limits")
}

pub(crate) fn tag(text: &str) -> Tag {
    Tag::parse(text).expect("the samples' tags are valid")
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse("payload", text, PAYLOAD_BYTES_MAX).expect("the samples' payloads are valid")
}

/// An event of type `happened` without tags.
pub(crate) fn event(stream: &StreamId) -> NewEvent {
    event_of(stream, "happened", &[])
}

pub(crate) fn event_of(stream: &StreamId, name: &str, tags: &[&str]) -> NewEvent {
    event_with(stream, name, tags, r#"{"is_sample":true}"#)
}

pub(crate) fn event_with(stream: &StreamId, name: &str, tags: &[&str], payload: &str) -> NewEvent {
    NewEvent::new(stream.clone(), event_type(name), 1, json(payload))
        .and_then(|event| event.with_tags(tags.iter().map(|text| tag(text)).collect()))
        .expect("the samples are within the limits")
}

/// `count` events of one stream.
pub(crate) fn events(stream: &StreamId, count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event(stream)).collect()
}

/// An append that holds always.
pub(crate) fn unconditional(events: Vec<NewEvent>) -> Append {
    conditional(events, AppendCondition::default())
}

pub(crate) fn conditional(events: Vec<NewEvent>, condition: AppendCondition) -> Append {
    Append::new(events, condition, None).expect("the samples are within the limits")
}

pub(crate) fn commanded(
    events: Vec<NewEvent>,
    condition: AppendCondition,
    id: CommandId,
) -> Append {
    Append::new(events, condition, Some(id)).expect("the samples are within the limits")
}

/// The condition that `stream` is at `sequence`.
pub(crate) fn at(stream: &StreamId, sequence: u64) -> AppendCondition {
    AppendCondition::default().expect_sequence(stream.clone(), seq(sequence))
}

pub(crate) fn seq(number: u64) -> Sequence {
    Sequence::new(number).expect("the samples' sequences are small")
}

pub(crate) fn pos(number: u64) -> Position {
    Position::new(number).expect("the samples' positions are small")
}

/// Appends what cannot fail.
pub(crate) async fn acknowledged(store: &dyn EventStore, append: Append) -> Appended {
    store.append(append).await.expect("the condition holds and the store is healthy")
}

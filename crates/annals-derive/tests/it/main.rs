//! What derived events do, and what the derive refuses.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod lints;
mod names;
mod payload;
mod tags;
mod ui;
mod union;
mod versions;

use annals_core::{
    Clock, EventType, Json, NewEvent, Position, RecordedEvent, Sequence, StreamId, SystemClock,
};

/// An event as it might stand in a log, at position 7.
fn recorded(event_type: &str, version: u32, payload: &str) -> RecordedEvent {
    let stream = StreamId::new("account", "1").unwrap();
    let payload = Json::parse("payload", payload, 10_000).unwrap();
    let new = NewEvent::new(stream, EventType::new(event_type).unwrap(), version, payload).unwrap();
    place(new)
}

fn place(new: NewEvent) -> RecordedEvent {
    new.recorded_at(Position::new(7).unwrap(), Sequence::new(3).unwrap(), SystemClock.now())
}

/// Writes `event` and reads it back through the log's form.
fn round_trip<E: annals_core::DomainEvent>(event: &E) -> (RecordedEvent, E) {
    let stream = StreamId::new("account", "1").unwrap();
    let new = annals_core::codec::encode(&stream, event, &Json::empty_object()).unwrap();
    let recorded = place(new);
    let read = annals_core::codec::decode(&recorded).unwrap();
    (recorded, read)
}

//! What holds for every aggregate, whatever its rules are.

use std::fmt::Debug;

use annals_core::{
    Aggregate, DomainEvent, EventId, Json, Position, RecordedEvent, Sequence, Snapshot, StreamId,
    codec,
};
use chrono::DateTime;
use serde_json::Value;

use super::telling::{self, Telling};

pub(super) fn replay<'a, A: Aggregate>(
    state: A,
    events: impl IntoIterator<Item = &'a A::Event>,
) -> A {
    let mut state = state;
    for event in events {
        state.apply(event);
    }
    state
}

/// Handles `command` twice, and compares.
#[track_caller]
pub(super) fn handle_purely<A: Aggregate>(
    telling: &Telling,
    state: &A,
    command: &A::Command,
    services: &A::Services,
) -> Result<Vec<A::Event>, A::Error>
where
    A::Event: Debug + PartialEq,
{
    let before = value(telling, state);
    let first = state.handle(command.clone(), services);
    let second = state.handle(command.clone(), services);
    let [told_first, told_second] =
        [&first, &second].map(|told| telling::outcome(told, telling::list));
    // Rejections need not be comparable; what they print is.
    let is_same = match (&first, &second) {
        (Ok(first), Ok(second)) => first == second,
        _ => told_first == told_second,
    };
    if !is_same {
        telling.fail(
            "the same when handled twice, since `handle` and its services are pure",
            &format!("first\n{told_first}\nthen\n{told_second}"),
        );
    }
    let after = value(telling, state);
    if before != after {
        telling.fail(
            "a state that `handle` leaves alone",
            &format!("before\n{before}\nafter\n{after}"),
        );
    }
    first
}

/// Writes every event as for the log, and reads it back.
#[track_caller]
pub(super) fn events_come_back<A: Aggregate>(telling: &Telling, events: &[A::Event])
where
    A::Event: Debug + PartialEq,
{
    let stream = sample_stream::<A>(telling);
    for event in events {
        event_comes_back(telling, &stream, event);
    }
}

/// The event as it is recorded, after it was compared with what is read from that.
#[track_caller]
pub(super) fn event_comes_back<E: DomainEvent + Debug + PartialEq>(
    telling: &Telling,
    stream: &StreamId,
    event: &E,
) -> RecordedEvent {
    let recorded = match codec::encode(stream, event, &Json::empty_object()) {
        Ok(new) => {
            new.recorded_at(Position::ZERO.plus(1), Sequence::ZERO.plus(1), DateTime::UNIX_EPOCH)
        }
        Err(error) => {
            telling.fail(&format!("an event that can be written: {event:?}"), &chain(&error))
        }
    };
    match codec::decode::<E>(&recorded) {
        Ok(read) if read == *event => recorded,
        Ok(read) => telling.fail(
            &format!("an event that comes back from the log as it was: {event:?}"),
            &format!("{read:?}\nfrom {}", recorded.payload),
        ),
        Err(error) => telling.fail(
            &format!("an event that can be read back: {event:?}"),
            &format!("{}\nfrom {}", chain(&error), recorded.payload),
        ),
    }
}

/// The snapshot law: whatever prefix is saved, read back and continued, the state is the same.
#[track_caller]
pub(super) fn snapshots_continue<A: Aggregate>(telling: &Telling, events: &[A::Event])
where
    A::Event: Debug,
{
    let stream = sample_stream::<A>(telling);
    let replayed = value(telling, &replay(A::default(), events));
    let mut state = A::default();
    for known in 0..=events.len() {
        let (before, after) = events.split_at(known);
        if let Some(event) = before.last() {
            state.apply(event);
        }
        let sequence = Sequence::ZERO.plus(known as u64);
        let saved = Snapshot::new(
            stream.clone(),
            sequence,
            EventId::from_uuid(uuid::Uuid::nil()),
            A::STATE_VERSION,
            &state,
        );
        let saved = match saved {
            Ok(saved) => saved,
            Err(error) => telling.fail("a state that can be saved", &chain(&error)),
        };
        let Some(read) = saved.read::<A>() else {
            telling.fail(
                &format!("a snapshot after event {known} that can be read back"),
                saved.state.as_str(),
            )
        };
        let continued = value(telling, &replay(read, after));
        if continued != replayed {
            telling.fail(
                &format!("a snapshot after event {known} that continues to\n{replayed}"),
                &format!("{continued}\nfrom {}", saved.state),
            );
        }
    }
}

#[track_caller]
fn sample_stream<A: Aggregate>(telling: &Telling) -> StreamId {
    match StreamId::new(A::TYPE, "given") {
        Ok(stream) => stream,
        Err(error) => telling.fail("an aggregate type that is a valid name", &error.to_string()),
    }
}

/// The state as JSON, which can be compared where the state itself need not be comparable.
#[track_caller]
fn value<A: Aggregate>(telling: &Telling, state: &A) -> Value {
    match serde_json::to_value(state) {
        Ok(value) => value,
        Err(error) => telling.fail("a state that can be saved", &error.to_string()),
    }
}

/// An error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

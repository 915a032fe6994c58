//! What is recorded of an instance can be read again, also by newer code.

use annals_derive::DomainEvent;
use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sample::{ScriptEvent, Scripted, plan, set, told, undoable, within};
use crate::append::BoxError;
use crate::codec;
use crate::domain_event::DomainEvent;
use crate::event::{EventEnvelope, RecordedEvent};
use crate::id::CorrelationId;
use crate::json::Json;
use crate::metadata::{Metadata, TraceContext};
use crate::position::{Position, Sequence};
use crate::saga::{RecordedStep, SagaEvent, SagaEventOf, StepCommandId, TakenEvent};
use crate::stream::StreamId;

type Recorded = RecordedStep<String, String>;

fn steps() -> Vec<Recorded> {
    let at = DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(1_234_567_891);
    vec![
        RecordedStep::Dispatch {
            number: 1,
            command: "a \"quoted\" \u{1f4b6}".to_owned(),
            compensation: Some("undo a".to_owned()),
            compensates: Some(7),
            overdue_at: Some(at),
        },
        RecordedStep::Dispatch {
            number: u32::MAX,
            command: String::new(),
            compensation: None,
            compensates: None,
            overdue_at: None,
        },
        RecordedStep::SetTimer { number: 2, timer: "t".to_owned(), due_at: at },
        RecordedStep::CancelTimer { timer: "t".to_owned() },
        RecordedStep::Complete,
        RecordedStep::Fail { reason: "because".to_owned() },
    ]
}

fn taken() -> EventEnvelope<ScriptEvent> {
    let trace = TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let metadata = Metadata::default()
        .actor("ann")
        .correlation_id(CorrelationId::new())
        .trace(trace.unwrap())
        .header("key", "value");
    let plan = plan(&[("a done", &[undoable("b"), within("c", 5), set("t", 3)])]);
    EventEnvelope { metadata, ..told(plan, 41) }
}

fn every_event() -> Vec<SagaEventOf<Scripted>> {
    let (at, steps) = (DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_500), steps());
    let text = || "x".to_owned();
    vec![
        SagaEvent::EventTaken { event: TakenEvent(taken()), at, steps: steps.clone() },
        SagaEvent::StepSucceeded { step: 1, attempts: 3, at, steps: steps.clone() },
        SagaEvent::StepRejected {
            step: 1,
            round: 2,
            rejection: text(),
            attempts: 3,
            at,
            steps: steps.clone(),
        },
        SagaEvent::StepCancelled { step: 1, at, steps: steps.clone() },
        SagaEvent::StepOverdue { step: 1, at, steps: steps.clone() },
        SagaEvent::StepParked { step: 1, attempts: 3, error: text(), is_untold: true, at },
        SagaEvent::TimerFired { timer: 1, at, steps: steps.clone() },
        SagaEvent::SignalTaken { signal: text(), by: text(), at, steps: steps.clone() },
        SagaEvent::Compensated { at, steps: steps.clone() },
        SagaEvent::CompensationOrdered { by: text(), why: text(), at, steps },
        SagaEvent::RetryOrdered { by: text(), why: text(), at },
        SagaEvent::Abandoned { by: text(), why: text(), at },
    ]
}

fn record<E: DomainEvent>(event: &E) -> RecordedEvent {
    let stream = StreamId::new("scripted", "one").unwrap();
    let new = codec::encode(&stream, event, &Json::empty_object()).unwrap();
    new.recorded_at(Position::ZERO.plus(1), Sequence::ZERO.plus(1), DateTime::UNIX_EPOCH)
}

#[test]
fn every_event_comes_back_from_the_log_as_it_was() {
    let events = every_event();
    let kinds = <SagaEventOf<Scripted> as DomainEvent>::kinds();
    assert_eq!(events.len(), kinds.len());
    for (event, kind) in events.iter().zip(kinds) {
        assert_eq!(event.kind(), kind);
        let recorded = record(event);
        assert_eq!(recorded.event_type.as_str(), kind.name);
        assert_eq!(codec::decode::<SagaEventOf<Scripted>>(&recorded).unwrap(), *event);
    }
}

#[test]
fn events_are_read_by_whoever_does_not_know_the_saga() {
    for event in every_event() {
        type Untyped = SagaEvent<Value, Value, Value, Value, Value>;
        let read: Untyped = codec::decode(&record(&event)).unwrap();
        assert_eq!((read.at(), read.steps().len()), (event.at(), event.steps().len()));
    }
}

/// Once, a command without fields was written as `null`, and read as none at all: what had been
/// done was then not compensated after a replay.
#[test]
fn compensation_without_fields_is_not_taken_for_none() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Undo;

    for compensation in [Some(Undo), None] {
        let step = RecordedStep::<Undo, ()>::Dispatch {
            number: 1,
            command: Undo,
            compensation,
            compensates: None,
            overdue_at: None,
        };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<RecordedStep<Undo, ()>>(&text).unwrap(), step, "{text}");
    }
}

#[test]
fn event_that_was_taken_keeps_its_place_and_its_text() {
    let event = taken();
    let recorded = record(&SagaEvent::<_, String, String, String, String>::EventTaken {
        event: TakenEvent(event.clone()),
        at: DateTime::UNIX_EPOCH,
        steps: Vec::new(),
    });
    let payload: Value = recorded.payload.read().unwrap();
    assert_eq!(payload["event"]["position"], 41);
    assert_eq!(payload["event"]["event_type"], "told");
    assert_eq!(payload["event"]["event_version"], 1);
    assert_eq!(payload["event"]["metadata"]["actor"], "ann");
    let text = event.event.write_payload().unwrap();
    assert!(recorded.payload.as_str().contains(&text), "{}", recorded.payload);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "crate")]
enum OldEvent {
    #[event(name = "paid_in")]
    PaidIn { cents: i64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "crate")]
enum NewEvent {
    #[event(name = "deposited", alias = "paid_in", version = 2, upcast(1 = name_the_currency))]
    Deposited { amount: i64, currency: String },
}

fn name_the_currency(old: Value) -> Result<Value, BoxError> {
    Ok(json!({ "amount": old["cents"], "currency": "EUR" }))
}

type History<E> = SagaEvent<TakenEvent<E>, String, String, String, String>;

fn taken_before(event: OldEvent) -> RecordedEvent {
    let EventEnvelope { position, stream, sequence, event_id, timestamp, metadata, .. } = taken();
    let event = EventEnvelope { position, stream, sequence, event_id, timestamp, metadata, event };
    let steps = vec![RecordedStep::Complete];
    record(&History::EventTaken { event: TakenEvent(event), at: DateTime::UNIX_EPOCH, steps })
}

#[test]
fn event_of_an_older_version_is_upcast_inside_the_history() {
    let recorded = taken_before(OldEvent::PaidIn { cents: 500 });
    let read: History<NewEvent> = codec::decode(&recorded).unwrap();
    let SagaEvent::EventTaken { event: TakenEvent(event), .. } = &read else { panic!("{read:?}") };
    assert_eq!(event.event, NewEvent::Deposited { amount: 500, currency: "EUR".to_owned() });
    assert_eq!(event.position, Position::ZERO.plus(41));
    // Written again, it has the new name and version, and needs no upcaster.
    let again: Value = record(&read).payload.read().unwrap();
    assert_eq!(again["event"]["event_type"], "deposited");
    assert_eq!(again["event"]["event_version"], 2);
}

#[test]
fn event_that_is_not_known_any_more_is_an_error_that_names_it() {
    let recorded = taken_before(OldEvent::PaidIn { cents: 500 });
    let error = codec::decode::<SagaEventOf<Scripted>>(&recorded).unwrap_err();
    let source = std::error::Error::source(&error.problem).unwrap().to_string();
    assert!(source.contains("the paid_in taken does not decode"), "{source}");
}

#[test]
fn ids_differ_by_all_that_they_are_derived_from() {
    let place = |position| Position::ZERO.plus(position);
    let ids = [
        StepCommandId::taking::<Scripted>("one", place(1)),
        StepCommandId::taking::<Scripted>("one", place(2)),
        StepCommandId::taking::<Scripted>("two", place(1)),
        StepCommandId::step::<Scripted>("one", 1, 0),
        StepCommandId::step::<Scripted>("one", 1, 1),
        StepCommandId::step::<Scripted>("one", 10, 1),
        StepCommandId::step::<Scripted>("one/step/1", 0, 1),
        StepCommandId::step::<Scripted>("two", 1, 0),
    ];
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    // They are in logs: they must never change.
    let [taking, .., step, _, _, _, _] = ids.map(|id| id.to_string());
    assert_eq!(
        (taking.as_str(), step.as_str()),
        ("dc1f4155-50a8-5601-9e1b-9ec7caca174e", "e68b79c2-589b-5c84-8323-d4d48e4159fe")
    );
}

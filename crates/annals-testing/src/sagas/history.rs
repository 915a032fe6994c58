//! What sagas have written to the log, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

use annals_core::{
    EventEnvelope, EventStore, Position, Read, RecordedEvent, RecordedStep, Saga, SagaEvent,
    SagaInstance, codec,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

type AnyEvent = SagaEvent<Value, Value, Value, Value, Value>;

/// All events after a position.
pub(super) async fn events_after(
    store: &dyn EventStore,
    position: Position,
) -> Result<Vec<RecordedEvent>, String> {
    let (mut events, mut after) = (Vec::new(), position);
    loop {
        let page = store.read(Read::all().after(after)).await.map_err(|error| error.to_string())?;
        after = page.through;
        events.extend(page.events);
        if !page.has_more {
            return Ok(events);
        }
    }
}

/// Those that a saga takes.
pub(super) fn inputs<G: Saga>(
    events: &[RecordedEvent],
) -> Result<Vec<EventEnvelope<G::Event>>, String> {
    let types = codec::event_types::<G::Event>().map_err(|error| error.to_string())?;
    let wanted = events.iter().filter(|event| types.contains(&event.event_type));
    wanted.map(codec::decode_envelope).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Of one instance.
#[derive(Debug, Default)]
struct Seen {
    taken: Option<u64>,
    /// Whether the step compensates another.
    open: BTreeMap<u32, bool>,
    timers: BTreeMap<u32, DateTime<Utc>>,
    numbers: BTreeSet<u32>,
}

/// Checks what must be true of the history of every instance of a saga, whatever the saga is.
pub(super) fn check<G: Saga>(events: &[RecordedEvent]) -> Result<(), String> {
    let mut instances: BTreeMap<&str, Seen> = BTreeMap::new();
    for recorded in events.iter().filter(|event| event.stream.aggregate_type() == G::TYPE) {
        let event: AnyEvent = codec::decode(recorded).map_err(|error| error.to_string())?;
        let seen = instances.entry(recorded.stream.aggregate_id()).or_default();
        seen.take(&event).map_err(|what| {
            format!("{} at position {}: {what}", recorded.event_type, recorded.position)
        })?;
    }
    Ok(())
}

impl Seen {
    fn take(&mut self, event: &AnyEvent) -> Result<(), String> {
        match event {
            SagaEvent::EventTaken { event, .. } => {
                let position = event.get("position").and_then(Value::as_u64);
                if position <= self.taken {
                    return Err(format!("input {position:?} was taken after {:?}", self.taken));
                }
                self.taken = position;
            }
            SagaEvent::StepSucceeded { step, .. } | SagaEvent::StepCancelled { step, .. } => {
                self.open.remove(step).ok_or_else(|| format!("step {step} is not open"))?;
            }
            SagaEvent::StepRejected { step, .. } => {
                let compensates =
                    self.open.get(step).ok_or_else(|| format!("step {step} is not open"))?;
                // A compensation that is rejected stays open.
                if !compensates {
                    self.open.remove(step);
                }
            }
            SagaEvent::TimerFired { timer, at, .. } => match self.timers.remove(timer) {
                Some(due_at) if due_at <= *at => {}
                Some(due_at) => return Err(format!("timer {timer} is due at {due_at} only")),
                None => return Err(format!("timer {timer} is not set")),
            },
            _ => {}
        }
        for step in event.steps() {
            match step {
                RecordedStep::Dispatch { number, compensates, .. } => {
                    self.number(*number)?;
                    self.open.insert(*number, compensates.is_some());
                }
                RecordedStep::SetTimer { number, due_at, .. } => {
                    self.number(*number)?;
                    self.timers.insert(*number, *due_at);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn number(&mut self, number: u32) -> Result<(), String> {
        if self.numbers.insert(number) { Ok(()) } else { Err(format!("{number} is used twice")) }
    }
}

/// What can still come of what was written: the events of each stream, but of an instance of the
/// saga only its state and which of its steps have which outcome. In which order streams were
/// written, and when, and the ids that are drawn, do not matter for it.
pub(super) fn digest<G: Saga>(
    events: &[RecordedEvent],
    instances: &BTreeMap<String, SagaInstance<G>>,
) -> String {
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        let (stream, event_type) = (&event.stream, &event.event_type);
        if stream.aggregate_type() != G::TYPE {
            let (sequence, payload) = (event.sequence.get(), &event.payload);
            lines.push(format!("{stream} {sequence:06} {event_type} {payload}"));
        } else if let Ok(payload) = event.payload.read::<Value>()
            && let Some(step) = payload.get("step")
        {
            lines.push(format!("{stream} {event_type} {step}"));
        }
    }
    for (id, instance) in instances {
        let mut state = serde_json::to_value(instance).unwrap_or_default();
        if let Some(state) = state.as_object_mut() {
            state.remove("origin");
            let open = state.get_mut("open").and_then(Value::as_object_mut);
            for step in open.into_iter().flat_map(|open| open.values_mut()) {
                step.as_object_mut().and_then(|step| step.remove("since"));
            }
        }
        lines.push(format!("{id} {state}"));
    }
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

/// The text with numbers for the names that differ from schedule to schedule.
pub(super) fn rename(text: String, names: &[String]) -> String {
    let numbered = names.iter().enumerate();
    numbered.fold(text, |text, (number, name)| text.replace(name.as_str(), &format!("<{number}>")))
}

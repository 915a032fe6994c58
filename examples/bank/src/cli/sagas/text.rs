//! Instances of sagas as people read them.

use annals::{Parked, SagaDetail, SagaEntry, SagaSummary};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::age;
use crate::cli::output::shown;
use crate::cli::table::Table;

const TIME: &str = "%Y-%m-%d %H:%M:%S%.3f";

pub(super) fn list(instances: &[SagaSummary], now: DateTime<Utc>) -> String {
    let mut table = Table::new(["saga", "id", "state", "age", "waits for"]);
    table.align_right(3);
    for instance in instances {
        let waits = instance.open.iter().map(|step| match &step.parked {
            Some(parked) => format!("an operator: {}: {}", step.name, parked.error),
            None => format!("{} for {}", step.name, age::told(now - step.since)),
        });
        let timers = instance.timers.iter().map(|timer| match &timer.parked {
            Some(parked) => format!("an operator: timer {}: {}", timer.number, parked.error),
            None => format!("{}", timer.due_at.format(TIME)),
        });
        let waits: Vec<_> = waits.chain(timers).map(|text| shown(&text)).collect();
        table.row([
            instance.saga.clone(),
            shown(&instance.id),
            instance.listed_state().to_owned(),
            age::told(now - instance.since),
            waits.join(", "),
        ]);
    }
    table.to_string()
}

pub(super) fn detail(detail: &SagaDetail) -> String {
    let SagaDetail { saga, id, state, reason, origin, open, timers, timeline, .. } = detail;
    let mut text = format!("saga   {saga}\nid     {}\nstate  {}", shown(id), state.as_str());
    if let Some(reason) = reason {
        text += &format!("\nreason {}", shown(reason));
    }
    if let Some(origin) = origin {
        text += &format!("\nbegan  {} at position {}", origin.at.format(TIME), origin.position);
        let correlation = origin.correlation_id.map(|id| format!("\nabout  conversation {id}"));
        text += &correlation.unwrap_or_default();
        let by = origin.actor.as_ref().map(|actor| format!("\nby     {}", shown(actor)));
        text += &by.unwrap_or_default();
    }
    for step in open {
        text +=
            &format!("\nopen   {} {} since {}", step.number, step.name, step.since.format(TIME));
        text += &step.parked.as_ref().map(waits).unwrap_or_default();
        if let Some(usual) = step.usual.filter(|_| step.is_late) {
            text += &format!(", late: it usually takes {usual:.3} s");
        }
    }
    for timer in timers {
        text += &format!("\ntimer  {} due {}", timer.number, timer.due_at.format(TIME));
        text += &timer.parked.as_ref().map(waits).unwrap_or_default();
    }
    for entry in timeline {
        text += &format!("\n{:>5}  {}  {}", entry.sequence, entry.at.format(TIME), told(entry));
    }
    text
}

fn waits(parked: &Parked) -> String {
    let (attempts, error) = (parked.attempts, shown(&parked.error));
    format!(", waits for an operator after {attempts} attempts: {error}")
}

/// An entry whatever the types of the saga are: what happened, and what follows.
fn told(entry: &SagaEntry) -> String {
    let mut text = entry.event_type.strip_prefix("saga.").unwrap_or(entry.event_type).to_owned();
    let event = &entry.event;
    if let Some(step) = event.get("step") {
        text += &format!(" {step}");
    }
    if let Some(rejection) = &entry.rejection {
        text += &format!(": {rejection}");
    }
    for (field, before) in [("by", " by "), ("error", ": "), ("why", ": ")] {
        if let Some(value) = event.get(field).and_then(Value::as_str) {
            text += &format!("{before}{value}");
        }
    }
    for step in event.get("steps").and_then(Value::as_array).into_iter().flatten() {
        text += &format!("; {}", step_told(step));
    }
    shown(&text)
}

/// A recorded step is the name of its kind, or an object with that as its only key.
fn step_told(step: &Value) -> String {
    let Some((kind, fields)) = step.as_object().and_then(|step| step.iter().next()) else {
        return step.as_str().unwrap_or_default().to_owned();
    };
    let number = fields.get("number").map(|number| format!(" {number}")).unwrap_or_default();
    let command = fields.get("command").or_else(|| fields.get("timer")).unwrap_or(&Value::Null);
    let name = match command {
        Value::Object(command) => command.keys().next().map(String::as_str),
        command => command.as_str(),
    };
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    let reason = fields.get("reason").and_then(Value::as_str);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{kind}{number}{name}{reason}")
}

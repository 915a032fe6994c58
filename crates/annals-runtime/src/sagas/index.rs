//! The list of all instances: what each waits for, and when somebody must look at it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use annals_core::{
    BoxError, DocumentIndex, DocumentSet, Documents, EventEnvelope, IndexValue, Parked,
    RecordedStep, SagaEvent, SagaState, Sequence,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Name of the projection that lists the instances of all sagas.
pub(super) const INDEX: &str = "sagas";

/// Steps that have an outcome and are still listed, the last ones.
const DONE_MAX: usize = 50;

/// After so long somebody else looks after a step that nobody has finished.
///
/// Whoever decides a step dispatches it at once, and is done within milliseconds; only what was
/// left behind by a process that ended is older.
pub(super) const LEFT_BEHIND: TimeDelta = TimeDelta::seconds(2);

/// The events of instances of any saga.
pub(super) type AnySagaEvent = SagaEvent<Value, Value, Value, Value, Value>;

/// An instance in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SagaSummary {
    /// Which saga.
    pub saga: String,
    /// Which instance of it.
    pub id: String,
    /// Where it stands.
    pub state: SagaState,
    /// Why it failed or was abandoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When something last happened to it.
    pub changed_at: DateTime<Utc>,
    /// How many events its history has.
    pub sequence: Sequence,
    /// The steps without an outcome: what it waits for.
    pub open: Vec<OpenStepSummary>,
    /// The timers that are set.
    pub timers: Vec<TimerSummary>,
    /// Steps with an outcome, the last 50.
    pub done: Vec<DoneStepSummary>,
}

/// A step without an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenStepSummary {
    /// Its number in the instance.
    pub number: u32,
    /// The name of its command.
    pub name: String,
    /// When it was decided.
    pub since: DateTime<Utc>,
    /// When the saga is told that it is not done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_at: Option<DateTime<Utc>>,
    /// It compensates this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensates: Option<u32>,
    /// It waits for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
}

/// A timer that has not fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimerSummary {
    /// Its number in the instance.
    pub number: u32,
    /// What the saga is told when it fires.
    pub timer: Value,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// It was due, the saga could not be told, and it waits for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
}

/// A step with an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DoneStepSummary {
    /// Its number in the instance.
    pub number: u32,
    /// The name of its command.
    pub name: String,
    /// When it was decided.
    pub since: DateTime<Utc>,
    /// When its outcome was known.
    pub until: DateTime<Utc>,
    /// `succeeded`, `rejected` or `cancelled`.
    pub outcome: String,
}

impl SagaSummary {
    /// Something waits for an operator.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let mut steps = self.open.iter().map(|step| &step.parked);
        let mut timers = self.timers.iter().map(|timer| &timer.parked);
        !self.state.is_ended() && (steps.any(Option::is_some) || timers.any(Option::is_some))
    }

    /// The state as it is listed: `parked` whatever it was doing, if it waits for an operator.
    #[must_use]
    pub fn listed_state(&self) -> &'static str {
        if self.is_parked() { PARKED } else { self.state.as_str() }
    }

    /// When somebody must look at it.
    fn attention_at(&self) -> Option<DateTime<Utc>> {
        if self.state.is_ended() {
            return None;
        }
        let steps = self.open.iter().filter(|step| step.parked.is_none());
        let steps = steps.map(|step| step.since + LEFT_BEHIND);
        steps.chain(self.due_at()).min()
    }

    /// When time next matters to it.
    pub(super) fn due_at(&self) -> Option<DateTime<Utc>> {
        let is_untold = |parked: &Option<Parked>| parked.as_ref().is_some_and(|at| at.is_untold);
        let steps = self.open.iter().filter(|step| !is_untold(&step.parked));
        let timers = self.timers.iter().filter(|timer| timer.parked.is_none());
        steps.filter_map(|step| step.overdue_at).chain(timers.map(|timer| timer.due_at)).min()
    }

    fn new(saga: &str, id: &str, at: DateTime<Utc>) -> Self {
        Self {
            saga: saga.to_owned(),
            id: id.to_owned(),
            state: SagaState::Running,
            reason: None,
            since: at,
            changed_at: at,
            sequence: Sequence::ZERO,
            open: Vec::new(),
            timers: Vec::new(),
            done: Vec::new(),
        }
    }

    /// What [`SagaInstance`](annals_core::SagaInstance) does by the same event, as far as it is
    /// listed.
    fn take(&mut self, event: &AnySagaEvent, sequence: Sequence) {
        (self.sequence, self.changed_at) = (sequence, event.at());
        match event {
            SagaEvent::StepSucceeded { step, at, .. } => self.finish(*step, *at, "succeeded"),
            SagaEvent::StepCancelled { step, at, .. } => self.finish(*step, *at, "cancelled"),
            SagaEvent::StepRejected { step, rejection, attempts, at, .. } => {
                match self.open.iter_mut().find(|open| open.number == *step) {
                    Some(open) if open.compensates.is_some() => {
                        open.parked = Some(Parked {
                            since: *at,
                            attempts: *attempts,
                            error: told(rejection),
                            is_rejected: true,
                            is_untold: false,
                        });
                    }
                    _ => self.finish(*step, *at, "rejected"),
                }
            }
            SagaEvent::StepOverdue { step, .. } => {
                let open = self.open.iter_mut().filter(|open| open.number == *step);
                open.for_each(|open| open.overdue_at = None);
            }
            SagaEvent::StepParked { step, attempts, error, is_untold, at } => {
                let parked = Parked {
                    since: *at,
                    attempts: *attempts,
                    error: error.clone(),
                    is_rejected: false,
                    is_untold: *is_untold,
                };
                let open = self.open.iter_mut().filter(|open| open.number == *step);
                open.for_each(|open| open.parked = Some(parked.clone()));
                let timers = self.timers.iter_mut().filter(|timer| timer.number == *step);
                timers.for_each(|timer| timer.parked = Some(parked.clone()));
            }
            SagaEvent::TimerFired { timer, .. } => self.timers.retain(|set| set.number != *timer),
            SagaEvent::Compensated { .. } => self.state = SagaState::Failing,
            SagaEvent::CompensationOrdered { why, .. } => self.fail(why),
            SagaEvent::RetryOrdered { at, .. } => {
                self.timers.iter_mut().for_each(|timer| timer.parked = None);
                for open in &mut self.open {
                    if open.parked.take().is_some() {
                        // Whoever comes by may do it at once.
                        open.since = open.since.min(*at);
                    }
                }
            }
            SagaEvent::Abandoned { why, .. } => {
                self.state = SagaState::Abandoned;
                self.reason = Some(why.clone());
                self.timers.clear();
            }
            SagaEvent::EventTaken { .. } | SagaEvent::SignalTaken { .. } => {}
        }
        for step in event.steps() {
            self.enact(step, event.at());
        }
        if self.open.is_empty() {
            self.state = match self.state {
                SagaState::Completing => SagaState::Completed,
                SagaState::Failing if self.timers.is_empty() => SagaState::Failed,
                other => other,
            };
            if self.state.is_ended() {
                self.timers.clear();
            }
        }
    }

    fn enact(&mut self, step: &RecordedStep<Value, Value>, at: DateTime<Utc>) {
        match step {
            RecordedStep::Dispatch { number, command, compensates, overdue_at, .. } => {
                self.open.push(OpenStepSummary {
                    number: *number,
                    name: command_name(command),
                    since: at,
                    overdue_at: *overdue_at,
                    compensates: *compensates,
                    parked: None,
                });
            }
            RecordedStep::SetTimer { number, timer, due_at } => {
                self.timers.retain(|set| set.timer != *timer);
                let (number, timer, due_at) = (*number, timer.clone(), *due_at);
                self.timers.push(TimerSummary { number, timer, due_at, parked: None });
            }
            RecordedStep::CancelTimer { timer } => self.timers.retain(|set| set.timer != *timer),
            RecordedStep::Complete => {
                if self.state == SagaState::Running {
                    self.state = SagaState::Completing;
                    self.timers.clear();
                }
            }
            RecordedStep::Fail { reason } => self.fail(reason),
        }
    }

    fn fail(&mut self, reason: &str) {
        if matches!(self.state, SagaState::Running | SagaState::Completing) {
            self.state = SagaState::Compensating;
            self.reason = Some(reason.to_owned());
            self.timers.clear();
            for open in &mut self.open {
                (open.parked, open.overdue_at) = (None, None);
            }
        }
    }

    fn finish(&mut self, number: u32, until: DateTime<Utc>, outcome: &str) {
        let Some(place) = self.open.iter().position(|open| open.number == number) else { return };
        let OpenStepSummary { name, since, .. } = self.open.remove(place);
        let outcome = outcome.to_owned();
        self.done.push(DoneStepSummary { number, name, since, until, outcome });
        if self.done.len() > DONE_MAX {
            self.done.remove(0);
        }
    }
}

/// The state under which instances are listed that wait for an operator.
pub(super) const PARKED: &str = "parked";

/// The name of a command, as `serde` writes that of an enum's variant.
pub(super) fn command_name(command: &Value) -> String {
    match command {
        Value::String(name) => name.clone(),
        Value::Object(fields) if fields.len() == 1 => {
            fields.keys().next().cloned().unwrap_or_default()
        }
        _ => "command".to_owned(),
    }
}

/// A rejection without knowing its type.
fn told(rejection: &Value) -> String {
    rejection.as_str().map_or_else(|| rejection.to_string(), str::to_owned)
}

/// The key of an instance in the list.
pub(super) fn key(saga: &str, id: &str) -> String {
    format!("{saga}/{id}")
}

/// The values of the index by which instances of a saga in a state are listed, by age, begin so.
pub(super) fn of_saga_in_state(saga: &str, state: &str) -> String {
    format!("{saga} {state} ")
}

/// The values of the index by which instances in a state are listed, by age, begin so.
pub(super) fn in_state(state: &str) -> String {
    format!("{state} ")
}

/// The values of the index by which instances of a saga are listed, by age, begin so.
pub(super) fn of_saga(saga: &str) -> String {
    format!("{saga} ")
}

pub(super) const BY_ATTENTION: &str = "attention";
pub(super) const BY_STATE: &str = "state";
pub(super) const BY_SAGA: &str = "saga";
pub(super) const BY_SAGA_AND_STATE: &str = "saga_and_state";
pub(super) const BY_AGE: &str = "age";
pub(super) const BY_TIMER: &str = "timer";

static INDEXES: [DocumentIndex<SagaSummary>; 6] = [
    DocumentIndex {
        name: BY_ATTENTION,
        value: |summary| Some(IndexValue::Number(summary.attention_at()?.timestamp_millis())),
    },
    DocumentIndex {
        name: BY_STATE,
        value: |summary| text(in_state(summary.listed_state()), summary),
    },
    DocumentIndex { name: BY_SAGA, value: |summary| text(of_saga(&summary.saga), summary) },
    DocumentIndex {
        name: BY_SAGA_AND_STATE,
        value: |summary| text(of_saga_in_state(&summary.saga, summary.listed_state()), summary),
    },
    DocumentIndex { name: BY_AGE, value: |summary| text(String::new(), summary) },
    DocumentIndex {
        name: BY_TIMER,
        value: |summary| {
            let next = summary.timers.iter().map(|timer| timer.due_at).min()?;
            Some(IndexValue::Number(next.timestamp_millis()))
        },
    },
];

fn text(before: String, summary: &SagaSummary) -> Option<IndexValue> {
    Some(IndexValue::Text(before + &age_text(summary.since)))
}

/// When an instance began, as text in the order of time.
pub(super) fn age_text(since: DateTime<Utc>) -> String {
    since.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The instances of all sagas, each in a document. One projection for all of them: it does not know
/// their types.
#[derive(Debug, Clone, Copy)]
pub struct SagaIndex;

impl Documents for SagaIndex {
    const NAME: &'static str = INDEX;
    const VERSION: u32 = 2;
    /// Whoever has a partition looks after its instances; so many processes can share the work.
    const PARTITIONS: u16 = 16;
    type Event = AnySagaEvent;
    type Document = SagaSummary;

    fn keys(&self, event: &EventEnvelope<AnySagaEvent>) -> Vec<String> {
        vec![key(event.stream.aggregate_type(), event.stream.aggregate_id())]
    }

    fn apply(
        &self,
        event: &EventEnvelope<AnySagaEvent>,
        documents: &mut DocumentSet<SagaSummary>,
    ) -> Result<(), BoxError> {
        let (saga, id) = (event.stream.aggregate_type(), event.stream.aggregate_id());
        let key = key(saga, id);
        let found = documents.find(&key).cloned();
        let mut summary = found.unwrap_or_else(|| SagaSummary::new(saga, id, event.event.at()));
        summary.take(&event.event, event.sequence);
        documents.put(&key, summary)?;
        Ok(())
    }

    fn indexes(&self) -> &'static [DocumentIndex<SagaSummary>] {
        &INDEXES
    }
}

/// Medians by name of a step, of what instances that have ended took.
pub(super) fn usual_times(ended: &[SagaSummary]) -> BTreeMap<String, TimeDelta> {
    let mut times: BTreeMap<String, Vec<TimeDelta>> = BTreeMap::new();
    for step in ended.iter().flat_map(|summary| &summary.done) {
        times.entry(step.name.clone()).or_default().push(step.until - step.since);
    }
    let median = |mut times: Vec<TimeDelta>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    times.into_iter().map(|(name, times)| (name, median(times))).collect()
}

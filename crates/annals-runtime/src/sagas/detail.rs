//! One instance of a saga, with all that is known of it.

use annals_core::{
    CommandId, DocumentProjection, DocumentReader, DomainEvent, EventEnvelope, EventId, Hosts,
    Metadata, Parked, Position, ReadModels, Saga, SagaEvent, SagaEventOf, SagaOrigin, SagaState,
    Sequence,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::Sagas;
use super::error::SagasError;
use super::index::{SagaIndex, TimerSummary, usual_times};
use super::list::SagaList;

/// Instances that have ended by which it is told how long steps usually take.
const USUAL_OF: usize = 50;

/// A step is late once it takes this many times its usual time, and at least [`LATE_AT_LEAST`].
const LATE_FACTOR: i32 = 5;

const LATE_AT_LEAST: TimeDelta = TimeDelta::seconds(1);

/// Most entries of a timeline. What came before them is in the instance's stream, which is read in
/// pages.
pub(super) const TIMELINE_MAX: u64 = 1_000;

/// One instance of a saga, from its own history: what happened to it, and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SagaDetail {
    /// Which saga.
    pub saga: String,
    /// Which instance of it.
    pub id: String,
    /// Where it stands.
    pub state: SagaState,
    /// Why it failed or was abandoned.
    pub reason: Option<String>,
    /// What it began with.
    pub origin: Option<SagaOrigin>,
    /// How many events its history has.
    pub sequence: Sequence,
    /// What it waits for.
    pub open: Vec<WaitingStep>,
    /// The timers that are set.
    pub timers: Vec<TimerSummary>,
    /// What happened to it, oldest first: the last 1,000 entries.
    pub timeline: Vec<SagaEntry>,
}

/// A step that has no outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WaitingStep {
    /// Its number in the instance.
    pub number: u32,
    /// The name of its command.
    pub name: String,
    /// Its command.
    pub command: Value,
    /// The id under which it is dispatched.
    pub command_id: CommandId,
    /// When it was decided.
    pub since: DateTime<Utc>,
    /// When the saga is told that it is not done yet.
    pub overdue_at: Option<DateTime<Utc>>,
    /// It compensates this step.
    pub compensates: Option<u32>,
    /// It waits for an operator.
    pub parked: Option<Parked>,
    /// How long this step took in the instances that ended last, by the median, in seconds.
    pub usual: Option<f64>,
    /// It takes much longer than usual.
    pub is_late: bool,
}

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SagaEntry {
    /// Its place in the instance's history.
    pub sequence: Sequence,
    /// Its place in the log.
    pub position: Position,
    /// The event's id.
    pub event_id: EventId,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What happened: the event's type.
    pub event_type: &'static str,
    /// The input, the steps decided on it, attempts, who and why, as far as there are any.
    pub event: Value,
    /// Why a step was rejected, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    /// Who, in which conversation, because of what.
    pub metadata: Metadata,
}

/// What the history of an instance tells.
pub(super) struct Looked {
    pub(super) state: SagaState,
    pub(super) reason: Option<String>,
    pub(super) origin: Option<SagaOrigin>,
    pub(super) sequence: Sequence,
    pub(super) open: Vec<WaitingStep>,
    pub(super) timers: Vec<TimerSummary>,
    pub(super) timeline: Vec<SagaEntry>,
}

pub(super) fn entry<G: Saga>(envelope: &EventEnvelope<SagaEventOf<G>>) -> SagaEntry {
    let payload = envelope.event.write_payload().unwrap_or_default();
    let rejection = match &envelope.event {
        SagaEvent::StepRejected { rejection, .. } => Some(rejection.to_string()),
        _ => None,
    };
    SagaEntry {
        sequence: envelope.sequence,
        position: envelope.position,
        event_id: envelope.event_id,
        at: envelope.timestamp,
        event_type: envelope.event.kind().name,
        event: serde_json::from_str(&payload).unwrap_or_default(),
        rejection,
        metadata: envelope.metadata.clone(),
    }
}

impl<S, D> Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    /// One instance, as it is now.
    ///
    /// # Errors
    ///
    /// [`SagasError::NotFound`] if there is none; else as its variants say.
    pub async fn show(&self, saga: &str, id: &str) -> Result<SagaDetail, SagasError> {
        let looked = self.operator(saga)?.look(id).await?;
        let mut open = looked.open;
        if !open.is_empty() {
            self.compare(saga, &mut open).await;
        }
        Ok(SagaDetail {
            saga: saga.to_owned(),
            id: id.to_owned(),
            state: looked.state,
            reason: looked.reason,
            origin: looked.origin,
            sequence: looked.sequence,
            open,
            timers: looked.timers,
            timeline: looked.timeline,
        })
    }

    /// Says what is usual, as far as the list can tell.
    async fn compare(&self, saga: &str, open: &mut [WaitingStep]) {
        let list = SagaList {
            saga: Some(saga.to_owned()),
            state: Some(SagaState::Completed.as_str().to_owned()),
            is_newest_first: true,
            limit: USUAL_OF,
            ..SagaList::default()
        };
        let Ok(ended) = self.list(&list).await else { return };
        let (usual, now) = (usual_times(&ended.instances), self.clock.now());
        for step in open {
            let Some(usual) = usual.get(&step.name) else { continue };
            step.usual = Some(usual.as_seconds_f64());
            step.is_late = now - step.since > (*usual * LATE_FACTOR).max(LATE_AT_LEAST);
        }
    }
}

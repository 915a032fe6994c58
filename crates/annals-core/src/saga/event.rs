//! What is recorded of a saga instance.

use std::borrow::Cow;
use std::error::Error as _;

use chrono::{DateTime, Utc};
use serde::de::{self, DeserializeOwned};
use serde::ser;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Saga;
use crate::codec;
use crate::domain_event::{DomainEvent, EventKind};
use crate::event::EventEnvelope;
use crate::id::EventId;
use crate::json::{INSIDE, Json};
use crate::limits::{LimitError, PAYLOAD_BYTES_MAX};
use crate::metadata::Metadata;
use crate::position::{Position, Sequence};
use crate::stream::StreamId;
use crate::tag::Tag;

/// An event of an instance's stream: an input that was taken, with the steps that were decided on
/// it, or something that befell the instance.
///
/// The parts in the saga's own words are parameters, so that whoever only lists instances needs not
/// know them; [`SagaEventOf`] is the form with a saga's types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SagaEvent<E, C, R, T, G> {
    /// An event was taken.
    EventTaken {
        /// The event as it was.
        event: E,
        /// When it was taken.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// A step was done.
    StepSucceeded {
        /// Its number.
        step: u32,
        /// How often it was tried, by whoever recorded this.
        attempts: u32,
        /// When that was known.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// A step was refused by a rule of the domain. Its command id is used up by this event, so it
    /// cannot take effect later. A compensation that is refused waits for an operator.
    StepRejected {
        /// Its number.
        step: u32,
        /// Counts the operator's orders to try it again, from 0.
        round: u32,
        /// Why.
        rejection: R,
        /// How often it was tried, by whoever recorded this.
        attempts: u32,
        /// When that was known.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// A step was called off before it was done, because the instance failed. Its command id is
    /// used up by this event, so it cannot take effect later.
    StepCancelled {
        /// Its number.
        step: u32,
        /// When.
        at: DateTime<Utc>,
        /// The compensation that is next, if there is one.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// A step was not done in the time it was given.
    StepOverdue {
        /// Its number.
        step: u32,
        /// When that was noticed.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// A step was tried as often as is allowed, and nobody knows its outcome. It waits for an
    /// operator.
    StepParked {
        /// Its number, or that of a timer.
        step: u32,
        /// How often it was tried, by whoever recorded this.
        attempts: u32,
        /// What went wrong the last time, with causes.
        error: String,
        /// What was tried was to tell the saga that the step is overdue, or the timer due.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_untold: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// A timer was due.
    TimerFired {
        /// Its number.
        timer: u32,
        /// When that was noticed.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// Somebody told the instance something.
    SignalTaken {
        /// What.
        signal: G,
        /// Who.
        by: String,
        /// When.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// Everything that can be compensated is.
    Compensated {
        /// When.
        at: DateTime<Utc>,
        /// What was decided on it.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// An operator had the instance fail and be compensated.
    CompensationOrdered {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: DateTime<Utc>,
        /// The compensation that is first, if there is one.
        steps: Vec<RecordedStep<C, T>>,
    },
    /// An operator had everything parked tried again.
    RetryOrdered {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// An operator ended the instance as it was.
    Abandoned {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The events of the instances of `S`.
pub type SagaEventOf<S> = SagaEvent<
    TakenEvent<<S as Saga>::Event>,
    <S as Saga>::Command,
    <S as Saga>::Rejection,
    <S as Saga>::Timer,
    <S as Saga>::Signal,
>;

/// A step as it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedStep<C, T> {
    /// A command is to be executed.
    Dispatch {
        /// Its number in the instance.
        number: u32,
        /// The command.
        command: C,
        /// How it is compensated.
        #[serde(
            default = "Option::default",
            skip_serializing_if = "Option::is_none",
            deserialize_with = "super::open::present"
        )]
        compensation: Option<C>,
        /// Number of the step that this one compensates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compensates: Option<u32>,
        /// When the saga is told that it is not done yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overdue_at: Option<DateTime<Utc>>,
    },
    /// A timer was set.
    SetTimer {
        /// Its number in the instance.
        number: u32,
        /// What the saga is told when it fires.
        timer: T,
        /// When it is due.
        due_at: DateTime<Utc>,
    },
    /// A timer was cancelled.
    CancelTimer {
        /// Which one.
        timer: T,
    },
    /// The instance has reached its aim.
    Complete,
    /// The instance cannot reach its aim.
    Fail {
        /// Why.
        reason: String,
    },
}

const fn kind(name: &'static str, variant: u32) -> EventKind {
    EventKind { name, version: 1, aliases: &[], upcasters: &[], variant }
}

/// In the order of the variants.
static KINDS: [EventKind; 12] = [
    kind("saga.event_taken", 0),
    kind("saga.step_succeeded", 1),
    kind("saga.step_rejected", 2),
    kind("saga.step_cancelled", 3),
    kind("saga.step_overdue", 4),
    kind("saga.step_parked", 5),
    kind("saga.timer_fired", 6),
    kind("saga.signal_taken", 7),
    kind("saga.compensated", 8),
    kind("saga.compensation_ordered", 9),
    kind("saga.retry_ordered", 10),
    kind("saga.abandoned", 11),
];

impl<E, C, R, T, G> SagaEvent<E, C, R, T, G> {
    /// When it happened, by the clock of whoever recorded it.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::EventTaken { at, .. }
            | Self::StepSucceeded { at, .. }
            | Self::StepRejected { at, .. }
            | Self::StepCancelled { at, .. }
            | Self::StepOverdue { at, .. }
            | Self::StepParked { at, .. }
            | Self::TimerFired { at, .. }
            | Self::SignalTaken { at, .. }
            | Self::Compensated { at, .. }
            | Self::CompensationOrdered { at, .. }
            | Self::RetryOrdered { at, .. }
            | Self::Abandoned { at, .. } => *at,
        }
    }

    /// What was decided with it.
    #[must_use]
    pub fn steps(&self) -> &[RecordedStep<C, T>] {
        match self {
            Self::EventTaken { steps, .. }
            | Self::StepSucceeded { steps, .. }
            | Self::StepRejected { steps, .. }
            | Self::StepCancelled { steps, .. }
            | Self::StepOverdue { steps, .. }
            | Self::TimerFired { steps, .. }
            | Self::SignalTaken { steps, .. }
            | Self::Compensated { steps, .. }
            | Self::CompensationOrdered { steps, .. } => steps,
            Self::StepParked { .. } | Self::RetryOrdered { .. } | Self::Abandoned { .. } => &[],
        }
    }

    pub(super) fn steps_mut(&mut self) -> Option<&mut Vec<RecordedStep<C, T>>> {
        match self {
            Self::EventTaken { steps, .. }
            | Self::StepSucceeded { steps, .. }
            | Self::StepRejected { steps, .. }
            | Self::StepCancelled { steps, .. }
            | Self::StepOverdue { steps, .. }
            | Self::TimerFired { steps, .. }
            | Self::SignalTaken { steps, .. }
            | Self::Compensated { steps, .. }
            | Self::CompensationOrdered { steps, .. } => Some(steps),
            Self::StepParked { .. } | Self::RetryOrdered { .. } | Self::Abandoned { .. } => None,
        }
    }
}

impl<E, C, R, T, G> DomainEvent for SagaEvent<E, C, R, T, G>
where
    E: Serialize + DeserializeOwned + Send + Sync + 'static,
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
    R: Serialize + DeserializeOwned + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    G: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn kinds() -> Vec<&'static EventKind> {
        KINDS.iter().collect()
    }

    fn find_kind(event_type: &str) -> Option<&'static EventKind> {
        KINDS.iter().find(|kind| kind.name == event_type)
    }

    fn kind(&self) -> &'static EventKind {
        let [taken, succeeded, rejected, cancelled, overdue, parked, fired, rest @ ..] = &KINDS;
        let [signal, compensated, compensation, retry, abandoned] = rest;
        match self {
            Self::EventTaken { .. } => taken,
            Self::StepSucceeded { .. } => succeeded,
            Self::StepRejected { .. } => rejected,
            Self::StepCancelled { .. } => cancelled,
            Self::StepOverdue { .. } => overdue,
            Self::StepParked { .. } => parked,
            Self::TimerFired { .. } => fired,
            Self::SignalTaken { .. } => signal,
            Self::Compensated { .. } => compensated,
            Self::CompensationOrdered { .. } => compensation,
            Self::RetryOrdered { .. } => retry,
            Self::Abandoned { .. } => abandoned,
        }
    }

    fn tags(&self) -> Result<Vec<Tag>, LimitError> {
        Ok(Vec::new())
    }

    fn write_payload(&self) -> Result<String, serde_json::Error> {
        codec::write_variant(self)
    }

    fn read_payload(kind: &'static EventKind, payload: &str) -> Result<Self, serde_json::Error> {
        codec::read_variant(kind.variant, payload)
    }
}

/// An event that a saga took, kept whole in the saga's own history: that stays readable by itself,
/// and the event is upcast there as it is everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenEvent<E>(
    /// The event with its place in the log.
    pub EventEnvelope<E>,
);

#[derive(Serialize, Deserialize)]
struct TakenParts<'a> {
    position: Position,
    stream: Cow<'a, StreamId>,
    sequence: Sequence,
    event_id: EventId,
    event_type: Cow<'a, str>,
    event_version: u32,
    timestamp: DateTime<Utc>,
    metadata: Cow<'a, Metadata>,
    payload: Json,
}

impl<E: DomainEvent> Serialize for TakenEvent<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(envelope) = self;
        let kind = envelope.event.kind();
        let payload = envelope.event.write_payload().map_err(ser::Error::custom)?;
        let payload = Json::checked("payload", payload, PAYLOAD_BYTES_MAX);
        TakenParts {
            position: envelope.position,
            stream: Cow::Borrowed(&envelope.stream),
            sequence: envelope.sequence,
            event_id: envelope.event_id,
            event_type: Cow::Borrowed(kind.name),
            event_version: kind.version,
            timestamp: envelope.timestamp,
            metadata: Cow::Borrowed(&envelope.metadata),
            payload: payload.map_err(ser::Error::custom)?,
        }
        .serialize(serializer)
    }
}

impl<'de, E: DomainEvent> Deserialize<'de> for TakenEvent<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = TakenParts::deserialize(deserializer)?;
        let event = codec::decode_payload(&parts.event_type, parts.event_version, &parts.payload);
        Ok(Self(EventEnvelope {
            position: parts.position,
            stream: parts.stream.into_owned(),
            sequence: parts.sequence,
            event_id: parts.event_id,
            timestamp: parts.timestamp,
            metadata: parts.metadata.into_owned(),
            event: event.map_err(|problem| {
                let cause = problem.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                let kind = &parts.event_type;
                de::Error::custom(format_args!(
                    "{INSIDE}the {kind} taken does not decode: {problem}{cause}"
                ))
            })?,
        }))
    }
}

//! What an instance of a saga began with, and what it waits for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{CorrelationId, EventId};
use crate::metadata::TraceContext;
use crate::position::Position;

/// What an instance began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaOrigin {
    /// The event's place in the log.
    pub position: Position,
    /// The event.
    pub event_id: EventId,
    /// The conversation, which everything it dispatches belongs to.
    pub correlation_id: Option<CorrelationId>,
    /// Who asked for what it does, and is responsible for all it dispatches.
    pub actor: Option<String>,
    /// The trace that was active when it was asked for: what steps are linked to unless it is known
    /// what else has led to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// When it began.
    pub at: DateTime<Utc>,
}

/// A step without an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenStep<C> {
    /// Its number in the instance.
    pub number: u32,
    /// What is to be executed.
    pub command: C,
    /// How it is compensated once it is done.
    #[serde(
        default = "Option::default",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub compensation: Option<C>,
    /// Number of the step that this one compensates.
    pub compensates: Option<u32>,
    /// When it was decided.
    pub since: DateTime<Utc>,
    /// When the saga is told that it is not done yet; `None` also once it has been told.
    pub overdue_at: Option<DateTime<Utc>>,
    /// Counts the operator's orders to try it again after it was rejected.
    pub round: u32,
    /// It waits for an operator.
    pub parked: Option<Parked>,
}

/// Why a step, or a timer, waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub error: String,
    /// It is a compensation that was rejected: it has not taken effect. Otherwise nobody knows.
    pub is_rejected: bool,
    /// What failed was to tell the saga that the timer is due, or the step overdue. It will be told
    /// when somebody has it tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_untold: bool,
}

/// A timer that has not fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetTimer<T> {
    /// Its number in the instance.
    pub number: u32,
    /// What the saga is told when it fires.
    pub timer: T,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// It was due, could not be fired, and waits for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Parked>,
}

/// Reads a value that is there. A command without fields is written as `null`, which would else be
/// taken for the absence of one.
pub(super) fn present<'de, D: Deserializer<'de>, C: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<C>, D::Error> {
    C::deserialize(deserializer).map(Some)
}

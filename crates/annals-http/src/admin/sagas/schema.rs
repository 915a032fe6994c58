//! The shapes of what sagas tell of themselves, for OpenAPI.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::schema::shapes;

shapes! {
    /// An instance of a saga, in the list.
    SagaSummarySchema as SagaSummary {
        /// Which saga.
        saga: String,
        /// Which instance of it.
        id: String,
        /// Where it stands.
        state: SagaStateSchema,
        /// Why it failed or was abandoned.
        #[schema(nullable = false)]
        reason: Option<String>,
        /// When it began.
        since: DateTime<Utc>,
        /// When something last happened to it.
        changed_at: DateTime<Utc>,
        /// How many events its history has.
        sequence: u64,
        /// The steps without an outcome: what it waits for.
        open: Vec<OpenStepSchema>,
        /// The timers that are set.
        timers: Vec<TimerSchema>,
        /// Steps with an outcome, the last 50.
        done: Vec<DoneStepSchema>,
    }
    /// A step without an outcome.
    OpenStepSchema as SagaOpenStep {
        /// Its number in the instance.
        number: u32,
        /// The name of its command.
        name: String,
        /// When it was decided.
        since: DateTime<Utc>,
        /// When the saga is told that it is not done yet.
        #[schema(nullable = false)]
        overdue_at: Option<DateTime<Utc>>,
        /// It compensates this step.
        #[schema(nullable = false)]
        compensates: Option<u32>,
        /// It waits for an operator.
        #[schema(nullable = false)]
        parked: Option<ParkedSchema>,
    }
    /// Why a step, or a timer, waits for an operator.
    ParkedSchema as SagaParked {
        /// Since when.
        since: DateTime<Utc>,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        error: String,
        /// It is a compensation that was rejected: it has not taken effect. Otherwise nobody knows.
        is_rejected: bool,
        /// What failed was to tell the saga that it is time.
        #[schema(nullable = false)]
        is_untold: Option<bool>,
    }
    /// A step with an outcome.
    DoneStepSchema as SagaDoneStep {
        /// Its number in the instance.
        number: u32,
        /// The name of its command.
        name: String,
        /// When it was decided.
        since: DateTime<Utc>,
        /// When its outcome was known.
        until: DateTime<Utc>,
        /// `succeeded`, `rejected` or `cancelled`.
        outcome: String,
    }
    /// A timer that has not fired.
    TimerSchema as SagaTimerSummary {
        /// Its number in the instance.
        number: u32,
        /// What the saga is told when it fires.
        timer: Value,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// It was due, the saga could not be told, and it waits for an operator.
        #[schema(nullable = false)]
        parked: Option<ParkedSchema>,
    }
    /// A timer that has not fired, and whose it is.
    SagaTimerSchema as SagaTimer {
        /// Which saga.
        saga: String,
        /// Which instance of it.
        id: String,
        /// Its number in the instance.
        number: u32,
        /// What the saga is told when it fires.
        timer: Value,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// It was due, the saga could not be told, and it waits for an operator.
        #[schema(nullable = false)]
        parked: Option<ParkedSchema>,
        /// Whether that is now.
        state: TimerStateSchema,
    }
    /// An instance of a saga, with what happened to it.
    SagaDetailSchema as SagaDetail {
        /// Which saga.
        saga: String,
        /// Which instance of it.
        id: String,
        /// Where it stands.
        state: SagaStateSchema,
        /// Why it failed or was abandoned.
        #[schema(required)]
        reason: Option<String>,
        /// What it began with.
        #[schema(required)]
        origin: Option<OriginSchema>,
        /// How many events its history has.
        sequence: u64,
        /// What it waits for.
        open: Vec<WaitingStepSchema>,
        /// The timers that are set.
        timers: Vec<TimerSchema>,
        /// What happened to it, oldest first: the last 1,000 entries. All of them are in its
        /// stream.
        timeline: Vec<EntrySchema>,
    }
    /// What an instance began with.
    OriginSchema as SagaOrigin {
        /// The event's place in the log.
        position: u64,
        /// The event.
        event_id: Uuid,
        /// The conversation.
        #[schema(required)]
        correlation_id: Option<Uuid>,
        /// Who asked for it.
        #[schema(required)]
        actor: Option<String>,
        /// The trace that was active then.
        trace: Option<Value>,
        /// When it began.
        at: DateTime<Utc>,
    }
    /// A step that has no outcome, and how long that is usual.
    WaitingStepSchema as SagaWaitingStep {
        /// Its number in the instance.
        number: u32,
        /// The name of its command.
        name: String,
        /// Its command.
        command: Value,
        /// The id under which it is dispatched.
        command_id: Uuid,
        /// When it was decided.
        since: DateTime<Utc>,
        /// When the saga is told that it is not done yet.
        #[schema(required)]
        overdue_at: Option<DateTime<Utc>>,
        /// It compensates this step.
        #[schema(required)]
        compensates: Option<u32>,
        /// It waits for an operator.
        #[schema(required)]
        parked: Option<ParkedSchema>,
        /// How long this step took in the instances that ended last, by the median, in seconds.
        #[schema(required)]
        usual: Option<f64>,
        /// It takes much longer than usual.
        is_late: bool,
    }
    /// Something that happened to an instance.
    EntrySchema as SagaEntry {
        /// Its place in the instance's history.
        sequence: u64,
        /// Its place in the log.
        position: u64,
        /// The event's id.
        event_id: Uuid,
        /// When it was written.
        at: DateTime<Utc>,
        /// What happened: the event's type.
        event_type: String,
        /// The input, the steps decided on it, attempts, who and why, as far as there are any.
        event: Value,
        /// Why a step was rejected, in words.
        #[schema(nullable = false)]
        rejection: Option<String>,
        /// Who, in which conversation, because of what.
        metadata: Value,
    }
}

/// Where an instance stands.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaState)]
pub(super) enum SagaStateSchema {
    Running,
    Completing,
    Compensating,
    Failing,
    Completed,
    Failed,
    Abandoned,
}

/// Whether it is time for a timer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TimerState)]
pub(super) enum TimerStateSchema {
    Due,
    Pending,
}

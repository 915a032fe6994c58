//! What an instance of a saga is told.

use chrono::{DateTime, Utc};

use super::Saga;
use crate::event::EventEnvelope;

/// What an instance is told. The runner of sagas and operators make these.
#[derive(Debug, Clone)]
pub enum SagaCommand<S: Saga> {
    /// An event that concerns it.
    TakeEvent {
        /// The event.
        event: Box<EventEnvelope<S::Event>>,
        /// The instance begins with it, if it does not exist.
        begins: bool,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// A step was done.
    Succeed {
        /// Its number.
        step: u32,
        /// How often it was tried.
        attempts: u32,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// A step was rejected. Must be executed with the step's own command id, so that only one of
    /// "done" and "rejected" can ever be written: see [`StepCommandId`](crate::StepCommandId).
    Reject {
        /// Its number.
        step: u32,
        /// Its round.
        round: u32,
        /// Why.
        rejection: S::Rejection,
        /// How often it was tried.
        attempts: u32,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// A step is called off, because the instance has failed
    /// ([`SagaInstance::is_to_be_cancelled`](super::SagaInstance::is_to_be_cancelled)). Must be
    /// executed with the step's own command id, as a rejection.
    Cancel {
        /// Its number.
        step: u32,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// A step has been tried as often as is allowed.
    Park {
        /// Its number, or that of a timer.
        step: u32,
        /// How often.
        attempts: u32,
        /// What went wrong the last time.
        error: String,
        /// What was tried was to tell the saga that the step is overdue, or the timer due.
        is_untold: bool,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// Looks whether a timer is due, or a step overdue: all that are, in their order, as far as one
    /// append can hold. What is due still is fired by the next one.
    Tick {
        /// Fires no more than so many. One by one, it shows which of them cannot be fired.
        fire_max: usize,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// Somebody tells it something.
    Signal {
        /// What.
        signal: S::Signal,
        /// Who.
        by: String,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// Everything parked is to be tried again.
    Retry {
        /// Who asks.
        by: String,
        /// Why.
        why: String,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// It is to fail and be compensated.
    Compensate {
        /// Who asks.
        by: String,
        /// Why.
        why: String,
        /// The time now.
        at: DateTime<Utc>,
    },
    /// It is to end as it is.
    Abandon {
        /// Who asks.
        by: String,
        /// Why.
        why: String,
        /// The time now.
        at: DateTime<Utc>,
    },
}

//! What coordinates several aggregates over time, and survives anything.

mod command;
mod error;
mod event;
mod ids;
mod input;
mod instance;
mod open;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod transition;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use command::SagaCommand;
pub use error::SagaError;
pub use event::{RecordedStep, SagaEvent, SagaEventOf, TakenEvent};
pub use ids::StepCommandId;
pub use input::Input;
pub use instance::SagaInstance;
pub use open::{OpenStep, Parked, SagaOrigin, SetTimer};
pub use state::SagaState;
pub use steps::{Dispatch, Step, Steps};

use crate::domain_event::DomainEvent;
use crate::event::EventEnvelope;

/// A coordinator over aggregates: a state machine that takes inputs and answers with steps.
///
/// It is pure: a step is data, and only the runner of live sagas acts on it. So replaying an
/// instance, rebuilding what is listed of it, or looking at it as it was cannot dispatch anything.
///
/// Each run of it is an *instance* with a stream of its own in the log, named by
/// [`TYPE`](Saga::TYPE) and the id that [`correlate`](Saga::correlate) gives. Taking an input and
/// recording the steps decided on it is one append. Snapshots, history and states of earlier times
/// are those of any aggregate ([`SagaInstance`] is one), and stay after the instance has ended.
///
/// # Guarantee
///
/// Whatever crashes, and however often anything is repeated: every selected event is taken once,
/// those of one instance in the order of the log; every step has exactly one outcome, and the
/// commands it dispatches take effect at most once; a timer that is set fires once, unless it was
/// cancelled before.
pub trait Saga: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stable name of the saga: the aggregate type of its instances' streams, and the name of
    /// the projection that takes its inputs, so its form is that of
    /// [`Projection::NAME`](crate::Projection::NAME).
    const TYPE: &'static str;

    /// Version of the state, as [`Aggregate::STATE_VERSION`](crate::Aggregate::STATE_VERSION).
    const STATE_VERSION: u32 = 1;

    /// The events it wants: an enum, or a union of several aggregates' enums.
    ///
    /// Each is kept whole in the instance's history, with what is decided on it. One that leaves no
    /// room for the rest of that in [`PAYLOAD_BYTES_MAX`](crate::limits::PAYLOAD_BYTES_MAX), or
    /// nests deeper than two levels less than [`JSON_DEPTH_MAX`](crate::limits::JSON_DEPTH_MAX),
    /// cannot be taken: it waits as a dead letter, and the events of its stream with it.
    type Event: DomainEvent + Clone;
    /// What it can ask for. It is written to the log: its form must stay readable, as that of
    /// events must.
    type Command: SagaData;
    /// Why what it asked for was rejected. Written to the log, and told to operators.
    type Rejection: SagaData + fmt::Display;
    /// The timers it sets; `()` if it needs only one or none.
    type Timer: SagaData;
    /// What people or other systems can tell an instance directly; `()` if nothing.
    type Signal: SagaData;

    /// Which instance an event concerns. Must depend on the event alone.
    fn correlate(event: &EventEnvelope<Self::Event>) -> Correlation;

    /// Changes the state by an input. It has already happened, so this cannot fail and decides
    /// nothing.
    fn apply(&mut self, input: &Input<Self>);

    /// Decides what follows from an input that has been applied. Not asked while compensation is
    /// under way, when the steps are given.
    fn decide(&self, input: &Input<Self>) -> Steps<Self>;
}

/// What is written to the log as part of a saga's history, and compared in tests.
pub trait SagaData:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T> SagaData for T where
    T: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// Which instance of a saga an event concerns, by its id: the second half of a stream id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correlation {
    /// This one, which begins with it if it does not exist.
    Begins(String),
    /// This one, if it exists and has not ended.
    Concerns(String),
    /// None.
    Nobody,
}

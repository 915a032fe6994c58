//! A saga that does nothing but wait: an hour after an alarm is set, it rings.

use std::time::Duration;

use annals::{
    Aggregate, BoxFuture, Correlation, DispatchCommand, DispatchError, Dispatcher, DomainEvent,
    EventEnvelope, Input, Saga, Steps,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Alarm;

/// Sets it, has it ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
pub(super) enum AlarmEvent {
    AlarmSet { id: String },
    AlarmRang,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("nobody refuses an alarm")]
pub(super) struct Refused;

impl Aggregate for Alarm {
    const TYPE: &'static str = "alarm";
    type Id = String;
    type Command = AlarmEvent;
    type Event = AlarmEvent;
    type Error = Refused;
    type Services = ();

    fn handle(&self, command: AlarmEvent, (): &()) -> Result<Vec<AlarmEvent>, Refused> {
        Ok(vec![command])
    }

    fn apply(&mut self, _: &AlarmEvent) {}
}

/// The alarm that an instance waits to ring.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Waiting(String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ring(String);

impl Saga for Waiting {
    const TYPE: &'static str = "waiting";
    type Event = AlarmEvent;
    type Command = Ring;
    type Rejection = Refused;
    type Timer = ();
    type Signal = ();

    fn correlate(event: &EventEnvelope<AlarmEvent>) -> Correlation {
        match &event.event {
            AlarmEvent::AlarmSet { id } => Correlation::Begins(id.clone()),
            AlarmEvent::AlarmRang => Correlation::Nobody,
        }
    }

    fn apply(&mut self, input: &Input<Self>) {
        if let Input::Event(AlarmEvent::AlarmSet { id }) = input {
            self.0.clone_from(id);
        }
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        match input {
            Input::Event(_) => Steps::none().set_timer((), Duration::from_secs(3_600)),
            Input::Fired(()) => Steps::none().dispatch(Ring(self.0.clone())).complete(),
            _ => Steps::none(),
        }
    }
}

impl DispatchCommand for Ring {
    type Services = ();
    type Rejection = Refused;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, (), Refused>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Refused>>> {
        to.execute::<Alarm>(&self.0, AlarmEvent::AlarmRang)
    }
}

//! Purses, and a saga that gives something from one to another.

use std::time::Duration;

use annals_core::{Aggregate, BoxFuture, Correlation, Dispatch, EventEnvelope, Input, Saga, Steps};
use annals_derive::DomainEvent;
use annals_runtime::{DispatchCommand, DispatchError, Dispatcher};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum PurseEvent {
    PutIn { amount: u64 },
    TakenOut { amount: u64 },
    Shut,
}

use PurseEvent::{PutIn, Shut, TakenOut};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum PurseCommand {
    PutIn(u64),
    TakeOut(u64),
    Shut,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum PurseError {
    #[error("not enough is in it")]
    TooLittle,
    #[error("it is shut")]
    IsShut,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Purse {
    pub(crate) amount: u64,
    is_shut: bool,
}

impl Aggregate for Purse {
    const TYPE: &'static str = "purse";
    type Id = String;
    type Command = PurseCommand;
    type Event = PurseEvent;
    type Error = PurseError;
    type Services = ();

    fn handle(&self, command: PurseCommand, _: &()) -> Result<Vec<PurseEvent>, PurseError> {
        match command {
            _ if self.is_shut => Err(PurseError::IsShut),
            PurseCommand::PutIn(amount) => Ok(vec![PutIn { amount }]),
            PurseCommand::TakeOut(amount) if amount > self.amount => Err(PurseError::TooLittle),
            PurseCommand::TakeOut(amount) => Ok(vec![TakenOut { amount }]),
            PurseCommand::Shut => Ok(vec![Shut]),
        }
    }

    fn apply(&mut self, event: &PurseEvent) {
        match event {
            PutIn { amount } => self.amount += amount,
            TakenOut { amount } => self.amount -= amount,
            Shut => self.is_shut = true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum GiftEvent {
    Promised { from: String, to: String, amount: u64 },
    Wrapped,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Gift;

impl Aggregate for Gift {
    const TYPE: &'static str = "gift";
    type Id = String;
    type Command = GiftEvent;
    type Event = GiftEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    fn handle(&self, command: GiftEvent, _: &()) -> Result<Vec<GiftEvent>, Self::Error> {
        Ok(vec![command])
    }

    fn apply(&mut self, _: &GiftEvent) {}
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum GivingStep {
    Take { purse: String, amount: u64 },
    Put { purse: String, amount: u64 },
}

pub(crate) fn take(purse: &str, amount: u64) -> GivingStep {
    GivingStep::Take { purse: purse.to_owned(), amount }
}

pub(crate) fn put(purse: &str, amount: u64) -> GivingStep {
    GivingStep::Put { purse: purse.to_owned(), amount }
}

impl DispatchCommand for GivingStep {
    type Services = ();
    type Rejection = PurseError;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, (), PurseError>,
    ) -> BoxFuture<'a, Result<(), DispatchError<PurseError>>> {
        match self {
            // Purses of this name are somewhere that does not answer.
            Self::Take { purse, .. } | Self::Put { purse, .. } if purse == "nowhere" => {
                to.call(|_| async { Err(DispatchError::failed("no answer")) })
            }
            Self::Take { purse, amount } => {
                to.execute::<Purse>(&purse, PurseCommand::TakeOut(amount))
            }
            Self::Put { purse, amount } => to.execute::<Purse>(&purse, PurseCommand::PutIn(amount)),
        }
    }
}

/// Gives a gift: takes it from one purse, puts it into another, and gives up after a day.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Giving {
    to: String,
    pub(crate) is_wrapped: bool,
}

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const LATE: Duration = Duration::from_secs(60);

impl Saga for Giving {
    const TYPE: &'static str = "giving";
    type Event = GiftEvent;
    type Command = GivingStep;
    type Rejection = PurseError;
    type Timer = ();
    type Signal = String;

    fn correlate(event: &EventEnvelope<GiftEvent>) -> Correlation {
        let id = event.stream.aggregate_id().to_owned();
        match event.event {
            GiftEvent::Promised { .. } => Correlation::Begins(id),
            GiftEvent::Wrapped => Correlation::Concerns(id),
        }
    }

    fn apply(&mut self, input: &Input<Self>) {
        match input {
            Input::Event(GiftEvent::Promised { to, .. }) => self.to = to.clone(),
            Input::Event(GiftEvent::Wrapped) => self.is_wrapped = true,
            _ => {}
        }
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        match input {
            Input::Event(GiftEvent::Promised { from, amount, .. }) => Steps::none()
                .dispatch(
                    Dispatch::new(take(from, *amount))
                        .compensated_by(put(from, *amount))
                        .within(LATE),
                )
                .set_timer((), DAY),
            Input::Succeeded(GivingStep::Take { amount, .. }) => {
                let step = Dispatch::new(put(&self.to, *amount));
                Steps::none().dispatch(step.compensated_by(take(&self.to, *amount)))
            }
            Input::Succeeded(GivingStep::Put { .. }) => Steps::none().complete(),
            Input::Rejected { rejection, .. } => Steps::none().fail(rejection.to_string()),
            Input::Fired(()) => Steps::none().fail("it took too long"),
            Input::Signal { signal, .. } => Steps::none().fail(signal),
            Input::Event(GiftEvent::Wrapped) | Input::Overdue(_) | Input::Compensated { .. } => {
                Steps::none()
            }
        }
    }
}

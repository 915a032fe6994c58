//! What is coordinated: money goes from one wallet into another, and a letter tells of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annals_core::{Aggregate, BoxFuture, Correlation, Dispatch, EventEnvelope, Input, Saga, Steps};
use annals_derive::DomainEvent;
use annals_runtime::{DispatchCommand, DispatchError, Dispatcher};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// What the tests look at and turn.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Commands dispatched, repeats included.
    pub(super) dispatched: AtomicU32,
    /// So many letters fail before one is sent.
    pub(super) letters_fail: AtomicU32,
    pub(super) letters: AtomicU32,
}

pub(super) type Services = Arc<World>;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Wallet {
    pub(super) amount: i64,
    pub(super) is_closed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(super) enum WalletEvent {
    MoneyPut { amount: i64 },
    MoneyTaken { amount: i64 },
    WalletClosed,
    WalletOpened,
}

#[derive(Debug, Clone)]
pub(super) enum WalletCommand {
    Put(i64),
    Take(i64),
    Close,
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub(super) enum Refusal {
    #[error("there is not enough in it")]
    Empty,
    #[error("it is closed")]
    Closed,
}

impl Aggregate for Wallet {
    const TYPE: &'static str = "wallet";
    type Id = String;
    type Command = WalletCommand;
    type Event = WalletEvent;
    type Error = Refusal;
    type Services = Services;

    fn handle(&self, command: WalletCommand, _: &Services) -> Result<Vec<WalletEvent>, Refusal> {
        match command {
            WalletCommand::Open => Ok(vec![WalletEvent::WalletOpened]),
            _ if self.is_closed => Err(Refusal::Closed),
            WalletCommand::Put(amount) => Ok(vec![WalletEvent::MoneyPut { amount }]),
            WalletCommand::Take(amount) if amount > self.amount => Err(Refusal::Empty),
            WalletCommand::Take(amount) => Ok(vec![WalletEvent::MoneyTaken { amount }]),
            WalletCommand::Close => Ok(vec![WalletEvent::WalletClosed]),
        }
    }

    fn apply(&mut self, event: &WalletEvent) {
        match event {
            WalletEvent::MoneyPut { amount } => self.amount += amount,
            WalletEvent::MoneyTaken { amount } => self.amount -= amount,
            WalletEvent::WalletClosed => self.is_closed = true,
            WalletEvent::WalletOpened => self.is_closed = false,
        }
    }
}

/// An order to pay. It exists, and that is all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Order;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(super) enum OrderEvent {
    PaymentOrdered { from: String, to: String, amount: i64 },
    PaymentStopped,
    NoteTaken { note: Value },
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Id = String;
    type Command = OrderEvent;
    type Event = OrderEvent;
    type Error = Refusal;
    type Services = Services;

    fn handle(&self, command: OrderEvent, _: &Services) -> Result<Vec<OrderEvent>, Refusal> {
        Ok(vec![command])
    }

    fn apply(&mut self, _: &OrderEvent) {}
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Payment {
    ordered: Option<(String, String, i64)>,
    is_mended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PaymentCommand {
    Take { wallet: String, amount: i64 },
    Put { wallet: String, amount: i64 },
    SendLetter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PaymentTimer {
    /// The saga panics, unless it has been mended.
    HalfHour,
    Hour,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused(pub(super) String);

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl Saga for Payment {
    const TYPE: &'static str = "payment";
    type Event = OrderEvent;
    type Command = PaymentCommand;
    type Rejection = Refused;
    type Timer = PaymentTimer;
    type Signal = String;

    fn correlate(event: &EventEnvelope<OrderEvent>) -> Correlation {
        let id = event.stream.aggregate_id().to_owned();
        match event.event {
            OrderEvent::PaymentOrdered { .. } | OrderEvent::NoteTaken { .. } => {
                Correlation::Begins(id)
            }
            OrderEvent::PaymentStopped => Correlation::Concerns(id),
        }
    }

    fn apply(&mut self, input: &Input<Self>) {
        if let Input::Event(OrderEvent::PaymentOrdered { from, to, amount }) = input {
            self.ordered = Some((from.clone(), to.clone(), *amount));
        }
        self.is_mended |= matches!(input, Input::Signal { signal, .. } if signal == "mended");
    }

    fn decide(&self, input: &Input<Self>) -> Steps<Self> {
        let Some((from, to, amount)) = self.ordered.clone() else { return Steps::none() };
        let steps = Steps::none();
        match input {
            Input::Event(OrderEvent::PaymentOrdered { .. }) => {
                let back = PaymentCommand::Put { wallet: from.clone(), amount };
                let take = PaymentCommand::Take { wallet: from, amount };
                // An order of nothing waits, to be told what to do.
                if amount <= 0 {
                    let steps = steps.set_timer(PaymentTimer::Hour, Duration::from_secs(3_600));
                    let half_hour = Duration::from_secs(1_800);
                    // One of less than nothing is beyond it.
                    return match amount {
                        0 => steps,
                        _ => steps.set_timer(PaymentTimer::HalfHour, half_hour),
                    };
                }
                steps.dispatch(Dispatch::new(take).compensated_by(back))
            }
            Input::Event(OrderEvent::PaymentStopped) => steps.fail("it was stopped"),
            Input::Succeeded(PaymentCommand::Take { .. }) => {
                steps.dispatch(PaymentCommand::Put { wallet: to, amount })
            }
            Input::Succeeded(PaymentCommand::Put { .. }) => {
                steps.dispatch(PaymentCommand::SendLetter)
            }
            Input::Succeeded(PaymentCommand::SendLetter) => steps.complete(),
            Input::Rejected { rejection, .. } => steps.fail(rejection.0.clone()),
            Input::Fired(PaymentTimer::HalfHour) => {
                assert!(self.is_mended, "nobody has thought of this");
                steps.complete()
            }
            Input::Fired(PaymentTimer::Hour) => steps.fail("nobody said anything"),
            Input::Signal { signal, .. } if signal == "mended" => steps,
            Input::Signal { .. } => steps.complete(),
            Input::Event(OrderEvent::NoteTaken { .. })
            | Input::Overdue(_)
            | Input::Compensated { .. } => steps,
        }
    }
}

impl DispatchCommand for PaymentCommand {
    type Services = Services;
    type Rejection = Refused;

    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, Services, Refused>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Refused>>> {
        to.services().dispatched.fetch_add(1, Ordering::SeqCst);
        match self {
            Self::Take { wallet, amount } => {
                to.execute::<Wallet>(&wallet, WalletCommand::Take(amount))
            }
            Self::Put { wallet, amount } => {
                to.execute::<Wallet>(&wallet, WalletCommand::Put(amount))
            }
            Self::SendLetter => {
                let world = to.services().clone();
                to.call(|_| async move {
                    let fails = |left: u32| left.checked_sub(1);
                    let failed =
                        world.letters_fail.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails);
                    if failed.is_ok() {
                        return Err(DispatchError::failed("the post office is closed"));
                    }
                    world.letters.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            }
        }
    }
}

//! A small account, enough to be right or wrong about.

use std::sync::Arc;

use annals_core::{Aggregate, EventStore, MemoryStore};
use annals_derive::DomainEvent;
use annals_runtime::App;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
}

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Deposit(i64),
    Withdraw(i64),
    /// Brings the balance to zero: no events if it is there already.
    Empty,
    /// Writes an event that cannot be applied.
    Explode,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum Event {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
    Exploded,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("insufficient funds")]
pub(crate) struct InsufficientFunds;

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Id = String;
    type Command = Command;
    type Event = Event;
    type Error = InsufficientFunds;
    type Services = ();

    fn handle(&self, command: Command, (): &()) -> Result<Vec<Event>, InsufficientFunds> {
        match command {
            Command::Deposit(amount) => Ok(vec![Event::Deposited { amount }]),
            Command::Withdraw(amount) if amount > self.balance => Err(InsufficientFunds),
            Command::Withdraw(amount) => Ok(vec![Event::Withdrawn { amount }]),
            Command::Empty if self.balance == 0 => Ok(Vec::new()),
            Command::Empty => Ok(vec![Event::Withdrawn { amount: self.balance }]),
            Command::Explode => Ok(vec![Event::Exploded]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Deposited { amount } => self.balance += amount,
            Event::Withdrawn { amount } => self.balance -= amount,
            Event::Exploded => panic!("this event cannot be applied"),
        }
    }
}

pub(crate) fn id(text: &str) -> String {
    text.to_owned()
}

pub(crate) fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new())
}

pub(crate) fn app_on(store: &Arc<impl EventStore>) -> App<()> {
    App::new(Arc::clone(store) as Arc<dyn EventStore>, ())
}

pub(crate) fn app() -> App<()> {
    app_on(&memory())
}

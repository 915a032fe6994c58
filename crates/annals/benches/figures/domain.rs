//! The aggregate that is measured: an account with a balance.

use annals::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
    pub(crate) is_open: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Open { owner_name: String },
    Deposit { amount: i64 },
    Withdraw { amount: i64 },
}

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
pub(crate) enum Event {
    AccountOpened { owner_name: String, initial_balance: i64 },
    MoneyDeposited { amount: i64, reference: String },
    MoneyWithdrawn { amount: i64, reference: String },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("account is already open")]
    AlreadyOpen,
    #[error("account is not open")]
    NotOpen,
    #[error("the balance would overflow")]
    Overflow,
    #[error("there is not enough money")]
    InsufficientFunds,
}

/// About as long as what a bank prints on a statement.
pub(crate) const REFERENCE: &str = "standing order 4711, rent for the second floor";

impl Event {
    pub(crate) fn deposit() -> Self {
        Self::MoneyDeposited { amount: 100, reference: REFERENCE.to_owned() }
    }

    /// Takes an event from the columns that every store of events has.
    pub(crate) fn decode(event_type: &str, payload: &str) -> anyhow::Result<Self> {
        let kind = Self::find_kind(event_type).ok_or_else(|| anyhow::anyhow!("{event_type}"))?;
        Ok(Self::read_payload(kind, payload)?)
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Id = String;
    type Command = Command;
    type Event = Event;
    type Error = Rejection;
    type Services = ();

    fn handle(&self, command: Command, (): &()) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { .. } if self.is_open => Err(Rejection::AlreadyOpen),
            Command::Open { owner_name } => {
                Ok(vec![Event::AccountOpened { owner_name, initial_balance: 0 }])
            }
            _ if !self.is_open => Err(Rejection::NotOpen),
            Command::Deposit { amount } => {
                self.balance.checked_add(amount).ok_or(Rejection::Overflow)?;
                Ok(vec![Event::MoneyDeposited { amount, reference: REFERENCE.to_owned() }])
            }
            Command::Withdraw { amount } if amount > self.balance => {
                Err(Rejection::InsufficientFunds)
            }
            Command::Withdraw { amount } => {
                Ok(vec![Event::MoneyWithdrawn { amount, reference: REFERENCE.to_owned() }])
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::AccountOpened { initial_balance, .. } => {
                self.balance = *initial_balance;
                self.is_open = true;
            }
            Event::MoneyDeposited { amount, .. } => self.balance += amount,
            Event::MoneyWithdrawn { amount, .. } => self.balance -= amount,
        }
    }
}

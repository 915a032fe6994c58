//! The account: what it is, what can be asked of it, what can happen to it, and its rules.

mod command;
mod error;
mod event;
mod id;
mod owner_name;

use annals::Aggregate;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::services::BankServices;
use crate::transfer::TransferId;

pub use self::command::AccountCommand;
pub use self::error::AccountError;
pub use self::event::AccountEvent;
pub use self::id::{AccountId, AccountIdError};
pub use self::owner_name::{OwnerName, OwnerNameError};

/// What the rules need to know of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// Nothing ever happened to it.
    #[default]
    Unopened,
    /// It is in use.
    Open {
        /// Whose it is.
        owner_name: OwnerName,
        /// What is on it, never negative.
        balance: Money,
    },
    /// It accepts nothing any more. Its balance is zero.
    Closed {
        /// Whose it was.
        owner_name: OwnerName,
    },
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";

    type Id = AccountId;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;
    type Services = BankServices;

    fn command_name(command: &AccountCommand) -> &'static str {
        match command {
            AccountCommand::OpenAccount { .. } => "OpenAccount",
            AccountCommand::DepositMoney { .. } => "DepositMoney",
            AccountCommand::WithdrawMoney { .. } => "WithdrawMoney",
            AccountCommand::TransferIn { .. } => "TransferIn",
            AccountCommand::TransferOut { .. } => "TransferOut",
            AccountCommand::CloseAccount => "CloseAccount",
        }
    }

    fn handle(
        &self,
        command: AccountCommand,
        services: &BankServices,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let now = services.clock.now();
        let event = match command {
            AccountCommand::OpenAccount { owner_name, initial_balance } => {
                self.open(owner_name, initial_balance, now)
            }
            AccountCommand::DepositMoney { amount } => self.deposit(amount, None, now),
            AccountCommand::WithdrawMoney { amount } => self.withdraw(amount, None, now),
            AccountCommand::TransferIn { transfer_id, amount } => {
                self.deposit(amount, Some(transfer_id), now)
            }
            AccountCommand::TransferOut { transfer_id, amount } => {
                self.withdraw(amount, Some(transfer_id), now)
            }
            AccountCommand::CloseAccount => self.close(now),
        };
        Ok(vec![event?])
    }

    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::AccountOpened { owner_name, initial_balance, .. } => {
                *self = Self::Open { owner_name: owner_name.clone(), balance: *initial_balance };
            }
            AccountEvent::MoneyDeposited { amount, .. } => {
                self.change_balance(|balance| balance.checked_add(*amount));
            }
            AccountEvent::MoneyWithdrawn { amount, .. } => {
                self.change_balance(|balance| balance.checked_sub(*amount));
            }
            AccountEvent::AccountClosed { .. } => {
                *self = Self::Closed { owner_name: self.owner_name().cloned().unwrap_or_default() };
            }
        }
    }
}

impl Account {
    /// Whose it is; `None` if it was never opened.
    #[must_use]
    pub fn owner_name(&self) -> Option<&OwnerName> {
        match self {
            Self::Unopened => None,
            Self::Open { owner_name, .. } | Self::Closed { owner_name } => Some(owner_name),
        }
    }

    /// What is on it.
    #[must_use]
    pub fn balance(&self) -> Money {
        match self {
            Self::Open { balance, .. } => *balance,
            Self::Unopened | Self::Closed { .. } => Money::ZERO,
        }
    }

    /// Whether it accepts deposits and withdrawals.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn open(
        &self,
        owner_name: OwnerName,
        initial_balance: Money,
        opened_at: DateTime<Utc>,
    ) -> Result<AccountEvent, AccountError> {
        if *self != Self::Unopened {
            return Err(AccountError::AlreadyOpened);
        }
        if initial_balance < Money::ZERO {
            return Err(AccountError::NegativeInitialBalance { initial_balance });
        }
        Ok(AccountEvent::AccountOpened { owner_name, initial_balance, opened_at })
    }

    fn deposit(
        &self,
        amount: Money,
        transfer_id: Option<TransferId>,
        deposited_at: DateTime<Utc>,
    ) -> Result<AccountEvent, AccountError> {
        let balance = self.active_balance()?;
        check_positive(amount)?;
        if balance.checked_add(amount).is_none() {
            return Err(AccountError::BalanceOverflow { balance, amount });
        }
        Ok(AccountEvent::MoneyDeposited { amount, deposited_at, transfer_id })
    }

    fn withdraw(
        &self,
        amount: Money,
        transfer_id: Option<TransferId>,
        withdrawn_at: DateTime<Utc>,
    ) -> Result<AccountEvent, AccountError> {
        let balance = self.active_balance()?;
        check_positive(amount)?;
        if balance < amount {
            return Err(AccountError::InsufficientFunds { balance, amount });
        }
        Ok(AccountEvent::MoneyWithdrawn { amount, withdrawn_at, transfer_id })
    }

    fn close(&self, closed_at: DateTime<Utc>) -> Result<AccountEvent, AccountError> {
        let balance = self.active_balance()?;
        if balance != Money::ZERO {
            return Err(AccountError::BalanceNotZero { balance });
        }
        Ok(AccountEvent::AccountClosed { closed_at })
    }

    fn active_balance(&self) -> Result<Money, AccountError> {
        match self {
            Self::Unopened => Err(AccountError::NotFound),
            Self::Open { balance, .. } => Ok(*balance),
            Self::Closed { .. } => Err(AccountError::Closed),
        }
    }

    /// Changes the balance by an amount that `handle` has found to fit.
    fn change_balance(&mut self, change: impl FnOnce(Money) -> Option<Money>) {
        if let Self::Open { balance, .. } = self {
            *balance = change(*balance).unwrap_or(*balance);
        }
    }
}

fn check_positive(amount: Money) -> Result<(), AccountError> {
    if amount <= Money::ZERO {
        return Err(AccountError::AmountNotPositive { amount });
    }
    Ok(())
}

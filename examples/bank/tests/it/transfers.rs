//! Transfers: their rules, and the program as its users meet them.

mod by_operators;
mod by_operators_over_http;
mod halfway;
mod instant;
mod on_the_command_line;
mod over_http;
mod rules;
mod saga;

use std::sync::Arc;

use annals_testing::ManualClock;
use bank::account::{AccountEvent, AccountId, OwnerName};
use bank::money::Money;
use bank::services::BankServices;
use bank::transfer::{TransferId, TransferOrder};
use chrono::{DateTime, Utc};
use uuid::Uuid;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

const ID: &str = "0198c5f0-7b7e-7000-8000-000000000001";

fn services() -> BankServices {
    BankServices { clock: Arc::new(ManualClock::new(NOW)) }
}

fn id() -> TransferId {
    Uuid::parse_str(ID).unwrap().into()
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn order(from: &str, to: &str, minor: i64) -> TransferOrder {
    let amount = Money::from_minor(minor);
    TransferOrder { from_account_id: account(from), to_account_id: account(to), amount }
}

fn opened(minor: i64) -> AccountEvent {
    let owner_name = OwnerName::new("Alice").unwrap();
    let initial_balance = Money::from_minor(minor);
    AccountEvent::AccountOpened { owner_name, initial_balance, opened_at: NOW }
}

/// Arrives, or comes back.
fn moved_in(minor: i64) -> AccountEvent {
    let amount = Money::from_minor(minor);
    AccountEvent::MoneyDeposited { amount, deposited_at: NOW, transfer_id: Some(id()) }
}

fn moved_out(minor: i64) -> AccountEvent {
    let amount = Money::from_minor(minor);
    AccountEvent::MoneyWithdrawn { amount, withdrawn_at: NOW, transfer_id: Some(id()) }
}

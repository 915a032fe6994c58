//! The rules of the guide, each as a sentence.

use std::sync::Arc;

use annals_testing::{ManualClock, given};
use bank::account::{Account, AccountCommand, AccountError, AccountEvent, OwnerName};
use bank::money::Money;
use bank::services::BankServices;
use chrono::{DateTime, Utc};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn services() -> BankServices {
    BankServices { clock: Arc::new(ManualClock::new(NOW)) }
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn alice() -> OwnerName {
    OwnerName::new("Alice").unwrap()
}

fn open(minor: i64) -> AccountCommand {
    AccountCommand::OpenAccount { owner_name: alice(), initial_balance: money(minor) }
}

fn opened(minor: i64) -> AccountEvent {
    let initial_balance = money(minor);
    AccountEvent::AccountOpened { owner_name: alice(), initial_balance, opened_at: NOW }
}

fn deposit(minor: i64) -> AccountCommand {
    AccountCommand::DepositMoney { amount: money(minor) }
}

fn deposited(minor: i64) -> AccountEvent {
    AccountEvent::MoneyDeposited { amount: money(minor), deposited_at: NOW, transfer_id: None }
}

fn withdraw(minor: i64) -> AccountCommand {
    AccountCommand::WithdrawMoney { amount: money(minor) }
}

fn withdrawn(minor: i64) -> AccountEvent {
    AccountEvent::MoneyWithdrawn { amount: money(minor), withdrawn_at: NOW, transfer_id: None }
}

fn closed() -> AccountEvent {
    AccountEvent::AccountClosed { closed_at: NOW }
}

#[test]
fn an_account_is_opened_with_what_is_paid_in_at_once() {
    given::<Account>(services()).when(open(1_000)).then([opened(1_000)]).then_state(|account| {
        assert_eq!(account.owner_name(), Some(&alice()));
        assert_eq!(account.balance(), money(1_000));
        assert!(account.is_active());
    });
    given::<Account>(services()).when(open(0)).then([opened(0)]);
    given::<Account>(services()).when(open(i64::MAX)).then([opened(i64::MAX)]);
}

#[test]
fn an_initial_balance_is_not_negative() {
    for minor in [-1, i64::MIN] {
        let initial_balance = money(minor);
        given::<Account>(services())
            .when(open(minor))
            .then_rejected(AccountError::NegativeInitialBalance { initial_balance });
    }
}

#[test]
fn an_account_is_opened_once() {
    given::<Account>(services())
        .command(open(1_000))
        .when(open(1_000))
        .then_rejected(AccountError::AlreadyOpened);
    given::<Account>(services())
        .events([opened(0), closed()])
        .when(open(1_000))
        .then_rejected(AccountError::AlreadyOpened);
}

#[test]
fn a_deposit_raises_the_balance() {
    given::<Account>(services())
        .events([opened(1_000)])
        .when(deposit(500))
        .then([deposited(500)])
        .then_state(|account| assert_eq!(account.balance(), money(1_500)));
}

#[test]
fn a_withdrawal_lowers_the_balance_down_to_zero() {
    given::<Account>(services())
        .events([opened(1_000), deposited(500)])
        .when(withdraw(1_500))
        .then([withdrawn(1_500)])
        .then_state(|account| assert_eq!(account.balance(), Money::ZERO));
}

#[test]
fn an_amount_is_more_than_zero() {
    for minor in [0, -1, i64::MIN] {
        for command in [deposit(minor), withdraw(minor)] {
            given::<Account>(services())
                .events([opened(1_000)])
                .when(command)
                .then_rejected(AccountError::AmountNotPositive { amount: money(minor) });
        }
    }
}

#[test]
fn a_withdrawal_is_covered_by_the_balance() {
    let (balance, amount) = (money(1_000), money(1_001));
    given::<Account>(services())
        .events([opened(1_000)])
        .when(withdraw(1_001))
        .then_rejected(AccountError::InsufficientFunds { balance, amount })
        .then_state(|account| assert_eq!(account.balance(), balance));
}

#[test]
fn a_balance_that_cannot_be_counted_is_refused() {
    let (balance, amount) = (Money::MAX, money(1));
    given::<Account>(services())
        .events([opened(i64::MAX)])
        .when(deposit(1))
        .then_rejected(AccountError::BalanceOverflow { balance, amount });
    given::<Account>(services())
        .events([opened(i64::MAX - 1)])
        .when(deposit(1))
        .then([deposited(1)])
        .then_state(|account| assert_eq!(account.balance(), Money::MAX));
}

#[test]
fn an_account_is_closed_when_nothing_is_left_on_it() {
    given::<Account>(services())
        .events([opened(700), withdrawn(700)])
        .when(AccountCommand::CloseAccount)
        .then([closed()])
        .then_state(|account| assert!(!account.is_active()));
    given::<Account>(services())
        .events([opened(700)])
        .when(AccountCommand::CloseAccount)
        .then_rejected(AccountError::BalanceNotZero { balance: money(700) });
}

#[test]
fn a_closed_account_accepts_nothing() {
    for command in [deposit(1), withdraw(1), AccountCommand::CloseAccount] {
        given::<Account>(services())
            .events([opened(0), closed()])
            .when(command)
            .then_rejected(AccountError::Closed);
    }
}

#[test]
fn an_account_that_was_never_opened_is_not_found() {
    for command in [deposit(1), withdraw(1), AccountCommand::CloseAccount] {
        given::<Account>(services()).when(command).then_rejected(AccountError::NotFound);
    }
}

#[test]
fn the_time_of_an_event_is_the_time_of_the_services() {
    let later = NOW + chrono::TimeDelta::days(10_000);
    let services = BankServices { clock: Arc::new(ManualClock::new(later)) };
    let amount = money(5);
    let event = AccountEvent::MoneyDeposited { amount, deposited_at: later, transfer_id: None };
    given::<Account>(services).events([opened(0)]).when(deposit(5)).then([event]);
}

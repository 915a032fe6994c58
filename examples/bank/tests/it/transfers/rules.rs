//! The rules of a transfer, and of what it does to accounts.

use annals::DomainEvent;
use annals_testing::given;
use bank::account::{Account, AccountCommand, AccountError, AccountEvent};
use bank::money::Money;
use bank::transfer::{
    Transfer, TransferCommand, TransferError, TransferEvent, TransferFailure, TransferOrder,
};

use super::{NOW, account, id, moved_in, moved_out, opened, order, services};

fn ask(order: TransferOrder) -> TransferCommand {
    TransferCommand::RequestTransfer { transfer_id: id(), order }
}

fn requested() -> TransferEvent {
    let order = order("alice", "bob", 100);
    TransferEvent::TransferRequested { transfer_id: id(), order, requested_at: NOW }
}

fn completed() -> TransferEvent {
    TransferEvent::TransferCompleted { completed_at: NOW }
}

fn failure() -> TransferFailure {
    TransferFailure { code: "account_closed".to_owned(), reason: "closed".to_owned() }
}

fn fail() -> TransferCommand {
    TransferCommand::FailTransfer { failure: failure() }
}

fn failed() -> TransferEvent {
    TransferEvent::TransferFailed { failure: failure(), failed_at: NOW }
}

#[test]
fn a_transfer_is_requested_once() {
    given::<Transfer>(services()).when(ask(order("alice", "bob", 100))).then([requested()]);
    for before in [vec![requested()], vec![requested(), completed()], vec![requested(), failed()]] {
        given::<Transfer>(services())
            .events(before)
            .when(ask(order("alice", "bob", 100)))
            .then_rejected(TransferError::AlreadyRequested);
    }
}

#[test]
fn a_transfer_leads_from_one_account_to_another() {
    given::<Transfer>(services())
        .when(ask(order("alice", "alice", 100)))
        .then_rejected(TransferError::SameAccount { account_id: account("alice") });
}

#[test]
fn a_transfer_moves_more_than_nothing() {
    for minor in [0, -1, i64::MIN] {
        let amount = Money::from_minor(minor);
        given::<Transfer>(services())
            .when(ask(order("alice", "bob", minor)))
            .then_rejected(TransferError::AmountNotPositive { amount });
    }
}

#[test]
fn a_transfer_ends_once() {
    let complete = || TransferCommand::CompleteTransfer;
    given::<Transfer>(services()).events([requested()]).when(complete()).then([completed()]);
    given::<Transfer>(services()).events([requested()]).when(fail()).then([failed()]);
    for before in [completed(), failed()] {
        for command in [complete(), fail()] {
            given::<Transfer>(services())
                .events([requested(), before.clone()])
                .when(command)
                .then_rejected(TransferError::Ended);
        }
    }
    for command in [complete(), fail()] {
        given::<Transfer>(services()).when(command).then_rejected(TransferError::NotFound);
    }
}

#[test]
fn what_a_transfer_moves_names_it() {
    let (transfer_id, amount) = (id(), Money::from_minor(40));
    given::<Account>(services())
        .events([opened(100)])
        .when(AccountCommand::TransferOut { transfer_id, amount })
        .then([moved_out(40)])
        .then_state(|account| assert_eq!(account.balance().minor(), 60));
    given::<Account>(services())
        .events([opened(100)])
        .when(AccountCommand::TransferIn { transfer_id, amount })
        .then([moved_in(40)])
        .then_state(|account| assert_eq!(account.balance().minor(), 140));
    for event in [moved_in(1), moved_out(1)] {
        let tags: Vec<_> = event.tags().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(tags, [format!("transfer:{transfer_id}")]);
    }
}

#[test]
fn the_rules_of_the_account_hold_for_transfers_too() {
    let (transfer_id, amount) = (id(), Money::from_minor(101));
    given::<Account>(services())
        .events([opened(100)])
        .when(AccountCommand::TransferOut { transfer_id, amount })
        .then_rejected(AccountError::InsufficientFunds { balance: Money::from_minor(100), amount });
    given::<Account>(services())
        .events([opened(i64::MAX)])
        .when(AccountCommand::TransferIn { transfer_id, amount })
        .then_rejected(AccountError::BalanceOverflow { balance: Money::MAX, amount });
    let closed = AccountEvent::AccountClosed { closed_at: NOW };
    for command in [
        AccountCommand::TransferIn { transfer_id, amount },
        AccountCommand::TransferOut { transfer_id, amount },
    ] {
        given::<Account>(services())
            .events([opened(0), closed.clone()])
            .when(command.clone())
            .then_rejected(AccountError::Closed);
        given::<Account>(services()).when(command).then_rejected(AccountError::NotFound);
    }
}

#[test]
fn events_from_before_there_were_transfers_are_read_as_they_are() {
    let kind = AccountEvent::find_kind("money_deposited").unwrap();
    let payload = r#"{"amount":5,"deposited_at":"1970-01-01T00:00:00Z"}"#;
    let event = AccountEvent::read_payload(kind, payload).unwrap();
    let amount = Money::from_minor(5);
    let deposited = AccountEvent::MoneyDeposited { amount, deposited_at: NOW, transfer_id: None };
    assert_eq!(event, deposited);
    assert_eq!(event.write_payload().unwrap(), payload);
    assert_eq!(event.tags().unwrap(), []);
}

#[test]
fn the_names_of_events_are_what_stands_in_logs() {
    let names: Vec<_> = TransferEvent::kinds().iter().map(|kind| kind.name).collect();
    let expected = ["transfer_requested", "transfer_made", "transfer_completed", "transfer_failed"];
    assert_eq!(names, expected);
    let payload: serde_json::Value =
        serde_json::from_str(&requested().write_payload().unwrap()).unwrap();
    let expected = serde_json::json!({
        "transfer_id": super::ID,
        "from_account_id": "alice",
        "to_account_id": "bob",
        "amount": 100,
        "requested_at": "1970-01-01T00:00:00Z",
    });
    assert_eq!(payload, expected);
}

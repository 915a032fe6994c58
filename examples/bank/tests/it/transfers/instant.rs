//! The transfer in one step, as a decision over both accounts.

use annals::StreamId;
use annals_testing::{GivenLog, given_log};
use bank::account::{AccountError, AccountEvent};
use bank::instant_transfer::{InstantTransfer, InstantTransferError, InstantTransferEvent};
use bank::money::Money;
use bank::transfer::{TransferError, TransferEvent, TransferOrder};

use super::{ID, NOW, account, id, moved_in, moved_out, opened, order, services};

type Placed = (StreamId, InstantTransferEvent);

fn on(account: &str, event: AccountEvent) -> Placed {
    (StreamId::new("account", account).unwrap(), InstantTransferEvent::Account(event))
}

fn made(order: TransferOrder) -> Placed {
    let event = TransferEvent::TransferMade { transfer_id: id(), order, made_at: NOW };
    (StreamId::new("transfer", ID).unwrap(), InstantTransferEvent::Transfer(event))
}

fn given(alice: i64, bob: i64) -> GivenLog<InstantTransfer> {
    given_log(services()).events([on("alice", opened(alice)), on("bob", opened(bob))])
}

fn transfer(minor: i64) -> InstantTransfer {
    InstantTransfer { transfer_id: id(), order: order("alice", "bob", minor) }
}

fn closed() -> AccountEvent {
    AccountEvent::AccountClosed { closed_at: NOW }
}

#[test]
fn both_accounts_and_the_transfer_change_together() {
    given(100, 7).when(transfer(100)).then([
        made(order("alice", "bob", 100)),
        on("alice", moved_out(100)),
        on("bob", moved_in(100)),
    ]);
}

#[test]
fn what_happened_to_other_accounts_does_not_matter() {
    given(100, 7).events([on("carol", opened(0)), on("carol", closed())]).when(transfer(1)).then([
        made(order("alice", "bob", 1)),
        on("alice", moved_out(1)),
        on("bob", moved_in(1)),
    ]);
}

#[test]
fn the_balance_covers_it() {
    let (balance, amount) = (Money::from_minor(100), Money::from_minor(101));
    let rejection = AccountError::InsufficientFunds { balance, amount };
    given(100, 0)
        .when(transfer(101))
        .then_rejected(InstantTransferError::Source { account_id: account("alice"), rejection });
}

#[test]
fn both_accounts_are_open() {
    let source =
        |rejection| InstantTransferError::Source { account_id: account("alice"), rejection };
    let target = |rejection| InstantTransferError::Target { account_id: account("bob"), rejection };
    given(0, 0)
        .events([on("alice", closed())])
        .when(transfer(1))
        .then_rejected(source(AccountError::Closed));
    given(5, 0)
        .events([on("bob", closed())])
        .when(transfer(1))
        .then_rejected(target(AccountError::Closed));
    given_log(services()).when(transfer(1)).then_rejected(source(AccountError::NotFound));
    given_log(services())
        .events([on("alice", opened(5))])
        .when(transfer(1))
        .then_rejected(target(AccountError::NotFound));
}

#[test]
fn the_target_can_count_it() {
    let (balance, amount) = (Money::MAX, Money::from_minor(1));
    let rejection = AccountError::BalanceOverflow { balance, amount };
    given(1, i64::MAX)
        .when(transfer(1))
        .then_rejected(InstantTransferError::Target { account_id: account("bob"), rejection });
}

#[test]
fn it_is_made_once_and_not_beside_the_saga() {
    let order = order("alice", "bob", 1);
    let requested = TransferEvent::TransferRequested {
        transfer_id: id(),
        order: order.clone(),
        requested_at: NOW,
    };
    let requested =
        (StreamId::new("transfer", ID).unwrap(), InstantTransferEvent::Transfer(requested));
    for before in [made(order), requested] {
        given(100, 0)
            .events([before])
            .when(transfer(1))
            .then_rejected(TransferError::AlreadyRequested.into());
    }
}

#[test]
fn what_is_no_transfer_is_refused() {
    let to_itself = order("alice", "alice", 1);
    given(100, 0)
        .when(InstantTransfer { transfer_id: id(), order: to_itself })
        .then_rejected(TransferError::SameAccount { account_id: account("alice") }.into());
    for minor in [0, -1] {
        let amount = Money::from_minor(minor);
        given(100, 0)
            .when(transfer(minor))
            .then_rejected(TransferError::AmountNotPositive { amount }.into());
    }
}

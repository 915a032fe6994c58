//! What the books must find, in logs that are wrong in one way each.

use annals::{Append, AppendCondition, EventStore, Json, MemoryStore, Read, StreamId, codec};
use bank::account::{AccountEvent, OwnerName};
use bank::instant_transfer::InstantTransferEvent;
use bank::money::Money;
use bank::transfer::{TransferEvent, TransferFailure, TransferId, TransferOrder};
use chrono::{DateTime, Utc};

use super::books::Books;
use super::clients::account_id;
use crate::home::block_on;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// What a log has of one transfer of 10 from account 0 to account 1. Both have 100 before it.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Requested,
    Out(usize, i64),
    In(usize, i64),
    Completed,
    Failed,
}

use Entry::{Completed, Failed, In, Out, Requested};

/// The verdict on a log with these entries.
fn keep(entries: &[Entry]) -> Result<(), String> {
    let id = TransferId::generate();
    let order = TransferOrder {
        from_account_id: account_id(0),
        to_account_id: account_id(1),
        amount: Money::from_minor(10),
    };
    let opened = |number| {
        let owner_name = OwnerName::new("A").unwrap();
        let initial_balance = Money::from_minor(100);
        let opened = AccountEvent::AccountOpened { owner_name, initial_balance, opened_at: NOW };
        on_account(number, opened)
    };
    let recorded = |entry: &Entry| {
        let on_transfer = |event| {
            let stream = StreamId::new("transfer", id.to_string()).unwrap();
            (stream, InstantTransferEvent::Transfer(event))
        };
        let transfer_id = Some(id);
        match *entry {
            Requested => on_transfer(TransferEvent::TransferRequested {
                transfer_id: id,
                order: order.clone(),
                requested_at: NOW,
            }),
            Out(account, minor) => {
                let amount = Money::from_minor(minor);
                let out = AccountEvent::MoneyWithdrawn { amount, withdrawn_at: NOW, transfer_id };
                on_account(account, out)
            }
            In(account, minor) => {
                let amount = Money::from_minor(minor);
                let into = AccountEvent::MoneyDeposited { amount, deposited_at: NOW, transfer_id };
                on_account(account, into)
            }
            Completed => on_transfer(TransferEvent::TransferCompleted { completed_at: NOW }),
            Failed => {
                let failure = TransferFailure { code: "a".to_owned(), reason: "b".to_owned() };
                on_transfer(TransferEvent::TransferFailed { failure, failed_at: NOW })
            }
        }
    };
    let events = [opened(0), opened(1)].into_iter().chain(entries.iter().map(recorded));
    let events = events
        .map(|(stream, event)| codec::encode(&stream, &event, &Json::empty_object()).unwrap());
    let append = Append::new(events.collect(), AppendCondition::default(), None).unwrap();
    let store = MemoryStore::new();
    let page = block_on(async {
        let _ = store.append(append).await.unwrap();
        store.read(Read::all()).await.unwrap()
    });
    let mut books = Books::default();
    page.events.iter().try_for_each(|event| books.take(event))?;
    books.close()
}

fn on_account(number: usize, event: AccountEvent) -> (StreamId, InstantTransferEvent) {
    let stream = StreamId::new("account", account_id(number).as_str()).unwrap();
    (stream, InstantTransferEvent::Account(event))
}

#[test]
fn books_of_what_is_right_add_up() {
    for right in [
        &[][..],
        &[Requested, Out(0, 10), In(1, 10), Completed],
        &[Requested, Out(0, 10), In(0, 10), Failed],
        &[Requested, Failed],
    ] {
        assert_eq!(keep(right), Ok(()), "{right:?}");
    }
}

#[test]
fn books_find_each_way_to_lose_or_make_money() {
    let wrongs = [
        // As by a saga in a stack frame that is gone.
        (&[Requested, Out(0, 10)][..], "has not ended"),
        (&[Requested], "has not ended"),
        (&[Requested, Out(0, 10), In(1, 10)], "has not ended"),
        (&[Requested, Out(0, 10), Completed], "InFlight"),
        (&[Requested, Out(0, 10), Failed], "InFlight"),
        // As by one that begins anew.
        (&[Requested, Out(0, 10), Out(0, 10)], "withdrawn once too often"),
        (&[Requested, Out(0, 10), In(1, 10), In(1, 10)], "deposited once too often"),
        (&[Requested, Out(0, 10), In(1, 10), In(0, 10)], "deposited once too often"),
        (&[Requested, Out(0, 10), In(0, 10), In(1, 10)], "deposited once too often"),
        (&[Requested, Out(0, 10), In(1, 10), Completed, In(1, 10)], "deposited once too often"),
        (&[Requested, Failed, Out(0, 10)], "withdrawn once too often"),
        (&[Requested, In(1, 10)], "deposited once too often"),
        (&[Requested, Out(1, 10)], "withdrawn once too often"),
        (&[Requested, Out(0, 11)], "instead of"),
        (&[Requested, Out(0, 101)], "overdrawn"),
        (&[Out(0, 10)], "unknown transfer"),
        (&[Requested, Requested], "asked for twice"),
        (&[Requested, Failed, Failed], "Some(Failed) before"),
        (&[Requested, Out(0, 10), In(1, 10), Completed, Failed], "Some(Completed) before"),
        (&[Requested, Out(0, 10), In(1, 10), Failed], "AtTarget"),
        (&[Requested, Out(0, 10), In(0, 10), Completed], "Returned"),
    ];
    for (wrong, expected) in wrongs {
        let found = keep(wrong).unwrap_err();
        assert!(found.contains(expected), "{wrong:?}: {found}");
    }
}

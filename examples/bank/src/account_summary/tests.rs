//! What events change, without a database.

use annals::{EventId, Metadata, Position, Sequence, StreamId};
use chrono::DateTime;

use super::*;
use crate::account::OwnerName;
use crate::money::Money;

fn event(id: &str, event: AccountEvent) -> EventEnvelope<AccountEvent> {
    EventEnvelope {
        position: Position::new(1).unwrap(),
        stream: StreamId::new("account", id).unwrap(),
        sequence: Sequence::new(1).unwrap(),
        event_id: EventId::new(),
        timestamp: DateTime::UNIX_EPOCH,
        metadata: Metadata::default(),
        event,
    }
}

fn opened(initial_balance: i64) -> AccountEvent {
    let owner_name = OwnerName::new("A").unwrap();
    let initial_balance = Money::from_minor(initial_balance);
    AccountEvent::AccountOpened { owner_name, initial_balance, opened_at: DateTime::UNIX_EPOCH }
}

fn deposited(amount: i64) -> AccountEvent {
    let amount = Money::from_minor(amount);
    AccountEvent::MoneyDeposited { amount, deposited_at: DateTime::UNIX_EPOCH, transfer_id: None }
}

fn withdrawn(amount: i64) -> AccountEvent {
    let amount = Money::from_minor(amount);
    AccountEvent::MoneyWithdrawn { amount, withdrawn_at: DateTime::UNIX_EPOCH, transfer_id: None }
}

fn closed() -> AccountEvent {
    AccountEvent::AccountClosed { closed_at: DateTime::UNIX_EPOCH }
}

#[test]
fn many_events_of_an_account_are_one_change_of_its_row() {
    let mut changes = SummaryChanges::default();
    for happened in [opened(100), deposited(50), withdrawn(150), closed()] {
        AccountSummary.project(event("a", happened), &mut changes).unwrap();
    }
    for happened in [deposited(7), withdrawn(9)] {
        AccountSummary.project(event("b", happened), &mut changes).unwrap();
    }
    let [a, b] = ["a", "b"].map(|id| &changes.accounts[id]);
    assert_eq!((a.balance.minor(), a.is_closed, a.opening.is_some()), (0, true, true));
    assert_eq!((b.balance.minor(), b.is_closed, b.opening.is_some()), (-2, false, false));
    assert_eq!(changes.accounts.len(), 2);
    let total = changes.totals.values().map(|change| change.balance.minor()).sum::<i128>();
    let accounts = changes.totals.values().map(|change| change.accounts).sum::<i64>();
    assert_eq!((total, accounts), (-2, 0));
}

#[test]
fn what_does_not_fit_is_named() {
    let mut changes = SummaryChanges::default();
    AccountSummary.project(event("a", opened(i64::MAX)), &mut changes).unwrap();
    let error = AccountSummary.project(event("a", deposited(1)), &mut changes).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&SummaryError::BalanceOverflow));
    let error = AccountSummary.project(event("a", opened(0)), &mut changes).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&SummaryError::OpenedTwice));
    let full = (i128::MAX.to_string(), 1);
    let total = ActiveTotal::of([full, ("1".to_owned(), 1)]);
    assert_eq!(total, Err(SummaryError::TotalOverflow));
    assert_eq!(ActiveTotal::of([("1.5".to_owned(), 1)]), Err(SummaryError::TotalForm));
}

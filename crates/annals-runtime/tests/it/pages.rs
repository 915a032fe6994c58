//! Pages as short as the contract allows them to be.

use std::sync::Arc;

use annals_core::{CommandId, EventStore, MemoryStore, Sequence};

use crate::decisions::Register;
use crate::domain::{Account, Command, Event, app_on, id};
use crate::stores::OneByOne;

/// Broke in histories: a page without events but with more to come said "more after the last one"
/// and had no last one, so whoever asked for the rest asked for ever.
#[tokio::test]
async fn pages_that_hold_nothing_yet_are_read_on_from() {
    let store = Arc::new(OneByOne(MemoryStore::new()));
    let (app, fresh) = (app_on(&store), app_on(&store));
    let command_id = CommandId::new();
    let first = app.execute::<Account>(&id("1"), Command::Deposit(1)).command_id(command_id);
    let first = first.await.unwrap();
    for amount in 2..=5 {
        app.execute::<Account>(&id("2"), Command::Deposit(7)).await.unwrap();
        app.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
    }
    // By replaying, by catching up with somebody else, and by reading back an outcome.
    assert_eq!(fresh.load::<Account>(&id("1")).await.unwrap().state.balance, 15);
    app.execute::<Account>(&id("2"), Command::Deposit(7)).await.unwrap();
    app.execute::<Account>(&id("1"), Command::Deposit(6)).await.unwrap();
    assert_eq!(fresh.load::<Account>(&id("1")).await.unwrap().state.balance, 21);
    let repeat = fresh.execute::<Account>(&id("1"), Command::Deposit(1)).command_id(command_id);
    assert_eq!(repeat.await.unwrap().events, first.events);
    let at = fresh.load_at::<Account>(&id("1"), Sequence::new(4).unwrap()).await.unwrap();
    assert_eq!(at.state.balance, 10);

    let (mut amounts, mut after) = (Vec::new(), Sequence::ZERO);
    loop {
        let page = fresh.history::<Account>(&id("1"), after, 2).await.unwrap();
        for envelope in &page.events {
            after = envelope.sequence;
            let Event::Deposited { amount } = envelope.event else { panic!("{envelope:?}") };
            amounts.push(amount);
        }
        if !page.has_more {
            break;
        }
        assert!(!page.events.is_empty(), "there is more, and no place from which to go on");
    }
    assert_eq!(amounts, [1, 2, 3, 4, 5, 6]);

    let _ = app.decide(Register::new("1", "ada")).await.unwrap();
    app.execute::<Account>(&id("2"), Command::Deposit(7)).await.unwrap();
    assert!(fresh.decide(Register::new("2", "ada")).await.is_err());
}

/// See [`pages_that_hold_nothing_yet_are_read_on_from`].
#[tokio::test]
async fn a_repeat_without_events_is_placed_also_where_pages_hold_nothing() {
    let app = app_on(&Arc::new(OneByOne(MemoryStore::new())));
    let command_id = CommandId::new();
    app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    app.execute::<Account>(&id("2"), Command::Deposit(1)).await.unwrap();
    app.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    for _ in 0..2 {
        let empty = app.execute::<Account>(&id("1"), Command::Empty).command_id(command_id);
        assert_eq!(empty.await.unwrap().sequence.get(), 2);
        app.execute::<Account>(&id("2"), Command::Deposit(1)).await.unwrap();
    }
    assert_eq!(app.store().head().await.unwrap().get(), 5);
}

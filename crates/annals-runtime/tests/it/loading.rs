//! States and histories, now and then.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, EventStore, EventType, Json, MemoryStore, NewEvent, Position,
    Sequence, StreamId,
};
use annals_runtime::{At, LoadError};
use annals_testing::{Call, FaultyStore, ManualClock};

use crate::domain::{Account, Command, Event, app, app_on, id, memory};

fn sequence(value: u64) -> Sequence {
    Sequence::new(value).unwrap()
}

#[tokio::test]
async fn an_aggregate_without_events_has_its_default_state() {
    let loaded = app().load::<Account>(&id("1")).await.unwrap();
    assert!(!loaded.exists());
    assert_eq!(loaded.state, Account::default());
}

#[tokio::test]
async fn what_was_acknowledged_is_loaded_also_by_another_application() {
    let store = memory();
    let (one, other) = (app_on(&store), app_on(&store));
    for amount in 1..=10 {
        one.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
        let loaded = other.load::<Account>(&id("1")).await.unwrap();
        assert_eq!(loaded.state.balance, amount * (amount + 1) / 2);
        assert_eq!(loaded.sequence.get(), amount.unsigned_abs());
    }
}

/// The memory store knows it; what comes from elsewhere is found all the same.
#[tokio::test]
async fn a_state_in_memory_is_not_read_again_where_the_store_knows_that_nothing_came_in() {
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    let (one, other) = (app_on(&store), app_on(&store));
    one.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    other.execute::<Account>(&id("2"), Command::Deposit(1)).await.unwrap();
    let reads = store.calls(Call::Read);
    for _ in 0..3 {
        let loaded = one.load::<Account>(&id("1")).await.unwrap();
        assert_eq!((loaded.state.balance, loaded.sequence.get()), (1, 1));
    }
    assert_eq!(store.calls(Call::Read), reads);
    other.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    assert_eq!(one.load::<Account>(&id("1")).await.unwrap().state.balance, 2);
    let reads = store.calls(Call::Read);
    assert_eq!(one.load::<Account>(&id("1")).await.unwrap().state.balance, 2);
    assert_eq!(store.calls(Call::Read), reads);
}

#[tokio::test]
async fn a_state_can_be_had_as_of_any_sequence_position_and_time() {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    let app = app_on(&store);
    let mut times = Vec::new();
    for amount in 1..=5_i64 {
        clock.advance(chrono::TimeDelta::seconds(60));
        times.push(annals_core::Clock::now(&*clock));
        app.execute::<Account>(&id("other"), Command::Deposit(1)).await.unwrap();
        app.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
    }
    let balance = |at: At| {
        let app = app.clone();
        async move { app.load_at::<Account>(&id("1"), at).await.unwrap().state.balance }
    };
    let mut expected = 0;
    for (time, amount) in times.into_iter().zip(1..) {
        let just_before = time - chrono::TimeDelta::microseconds(1);
        assert_eq!(balance(just_before.into()).await, expected);
        expected += amount;
        assert_eq!(balance(time.into()).await, expected);
        let count = amount.unsigned_abs();
        assert_eq!(balance(sequence(count).into()).await, expected);
        assert_eq!(balance(Position::new(2 * count).unwrap().into()).await, expected);
        assert_eq!(balance(Position::new(2 * count - 1).unwrap().into()).await, expected - amount);
    }
    assert_eq!(balance(Sequence::ZERO.into()).await, 0);
    assert_eq!(balance(Position::MAX.into()).await, 15);
}

#[tokio::test]
async fn a_sequence_that_was_not_reached_is_an_error_that_says_how_far_it_is() {
    let app = app();
    app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    let error = app.load_at::<Account>(&id("1"), sequence(2)).await.unwrap_err();
    assert_eq!(error.to_string(), "account/1 is at sequence 1, 2 was asked for");
}

#[tokio::test]
async fn a_stream_longer_than_a_page_loads_whole() {
    let store = memory();
    let app = app_on(&store);
    let stream = StreamId::new("account", "1").unwrap();
    for _ in 0..5 {
        let events = (0..777)
            .map(|_| {
                annals_core::codec::encode(
                    &stream,
                    &Event::Deposited { amount: 1 },
                    &Json::empty_object(),
                )
                .unwrap()
            })
            .collect();
        let append = Append::new(events, AppendCondition::default(), None).unwrap();
        let _ = store.append(append).await.unwrap();
    }
    let loaded = app.load::<Account>(&id("1")).await.unwrap();
    assert_eq!((loaded.state.balance, loaded.sequence.get()), (3885, 3885));
    let at = app.load_at::<Account>(&id("1"), sequence(2_001)).await.unwrap();
    assert_eq!((at.state.balance, at.sequence.get()), (2_001, 2_001));
}

#[tokio::test]
async fn a_history_comes_in_pages_with_all_that_was_recorded() {
    let app = app();
    for amount in 1..=5 {
        app.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
    }
    let page = app.history::<Account>(&id("1"), sequence(1), 3).await.unwrap();
    let amounts: Vec<_> = page.events.iter().map(|envelope| &envelope.event).collect();
    assert_eq!(
        amounts,
        [
            &Event::Deposited { amount: 2 },
            &Event::Deposited { amount: 3 },
            &Event::Deposited { amount: 4 }
        ]
    );
    assert!(page.has_more);
    let rest = app.history::<Account>(&id("1"), page.events[2].sequence, 3).await.unwrap();
    assert_eq!((rest.events.len(), rest.has_more), (1, false));
}

#[tokio::test]
async fn an_event_that_does_not_decode_is_an_error_that_names_it() {
    let store = memory();
    let app = app_on(&store);
    app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    let strange = NewEvent::new(
        StreamId::new("account", "1").unwrap(),
        EventType::new("deposited").unwrap(),
        9,
        Json::empty_object(),
    )
    .unwrap();
    let append = Append::new(vec![strange], AppendCondition::default(), None).unwrap();
    let _ = store.append(append).await.unwrap();
    let error = app.load::<Account>(&id("1")).await.unwrap_err();
    assert!(matches!(error, LoadError::Decode(_)));
    assert_eq!(error.to_string(), "event deposited version 9 at position 2 does not decode");
    // Nor does a command go on from a state without it.
    assert!(app.execute::<Account>(&id("1"), Command::Deposit(1)).await.is_err());
    assert!(app.history::<Account>(&id("1"), Sequence::ZERO, 10).await.is_err());
    assert_eq!(app.load_at::<Account>(&id("1"), sequence(1)).await.unwrap().state.balance, 1);
}

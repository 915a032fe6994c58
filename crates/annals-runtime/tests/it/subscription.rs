//! A subscription hands out what its query selects, once and in order, whatever happens.

mod checkpoints;
mod feed;
mod histories;
mod named;
mod replaced;

use std::sync::Arc;
use std::time::Duration;

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{
    Checkpoint, EventQuery, EventStore, MemoryStore, Position, ReadError, RecordedEvent, types_of,
};
use annals_runtime::{Retry, Subscription, SubscriptionError};
use annals_testing::{Call, Fault, FaultyStore, Gate};
use tokio::time::Instant;

use crate::domain::Event;
use crate::stores::{OneByOne, Slow};
use feed::{append_kinds, append_strange, place, positions, wanted};

/// All there is now.
async fn drain(subscription: &mut Subscription, limit: usize) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    while let Some(batch) = subscription.try_next_batch(limit).await.unwrap() {
        assert_eq!(batch.checkpoint, subscription.checkpoint());
        assert!(batch.events.len() <= limit);
        events.extend(batch.events);
    }
    events
}

#[tokio::test]
async fn everything_selected_comes_once_in_order_over_many_pages() {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, 2 * PAGE_EVENTS_MAX + 10, |n| n % 3 == 0).await;
    for limit in [1_000, 4_999, PAGE_EVENTS_MAX, usize::MAX] {
        let mut subscription = Subscription::new(store.clone(), wanted());
        let events = drain(&mut subscription, limit).await;
        let expected: Vec<_> =
            (1..=2 * PAGE_EVENTS_MAX as u64 + 10).filter(|n| n % 3 == 0).collect();
        assert_eq!(positions(&events), expected);
        assert_eq!(subscription.checkpoint(), place(&*store, store.head().await.unwrap()).await);
    }
}

#[tokio::test]
async fn events_that_are_not_selected_move_the_checkpoint() {
    let store = Arc::new(MemoryStore::new());
    let mut subscription = Subscription::new(store.clone(), wanted());
    for _ in 0..3 {
        append_kinds(&*store, 7, |_| false).await;
        let batch = subscription.next_batch(10).await.unwrap();
        assert_eq!(batch.events, []);
        assert_eq!(batch.checkpoint, place(&*store, store.head().await.unwrap()).await);
        assert!(!batch.has_more);
        assert!(subscription.try_next_batch(10).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_empty_log_has_no_batch_and_its_first_event_is_waited_for() {
    let store = Arc::new(MemoryStore::new());
    let mut subscription = Subscription::new(store.clone(), wanted());
    assert!(subscription.try_next_batch(10).await.unwrap().is_none());
    assert_eq!(subscription.checkpoint(), Checkpoint::START);
    let (batch, ()) = tokio::join!(subscription.next_batch(10), append_kinds(&*store, 1, |_| true));
    assert_eq!(positions(&batch.unwrap().events), [1]);
}

#[tokio::test]
async fn pages_that_reach_one_position_at_a_time_are_enough() {
    let store = Arc::new(OneByOne(MemoryStore::new()));
    append_kinds(&*store, 20, |n| n % 7 == 0).await;
    let mut subscription = Subscription::new(store.clone(), wanted());
    assert_eq!(positions(&drain(&mut subscription, 10).await), [7, 14]);
    append_kinds(&*store, 20, |n| n % 7 == 0).await;
    assert_eq!(positions(&drain(&mut subscription, 10).await), [21, 28, 35]);
    assert_eq!(subscription.checkpoint().position.get(), 40);
}

#[tokio::test(start_paused = true)]
async fn lost_wake_ups_cost_delay_and_no_event() {
    let store = FaultyStore::new(MemoryStore::new())
        .on(Call::WaitPast, 1, Fault::NeverAnswered)
        .on(Call::WaitPast, 2, Fault::NeverAnswered);
    let store = Arc::new(store);
    let mut subscription = Subscription::new(store.clone(), wanted());
    for position in [1, 2] {
        assert!(subscription.try_next_batch(10).await.unwrap().is_none());
        let begun = Instant::now();
        let (batch, ()) =
            tokio::join!(subscription.next_batch(10), append_kinds(&*store, 1, |_| true));
        assert_eq!(positions(&batch.unwrap().events), [position]);
        assert!(begun.elapsed() <= Duration::from_secs(10));
    }
    assert_eq!(store.faults_left(), 0);
}

#[tokio::test]
async fn dropped_calls_lose_nothing_and_double_nothing() {
    let mut dropped = 0;
    for seed in 0..8 {
        let store = Arc::new(Slow::new(MemoryStore::new(), seed));
        append_kinds(store.inner(), PAGE_EVENTS_MAX + 50, |n| n % 2 == 0).await;
        let head = store.inner().head().await.unwrap();
        let mut subscription = Subscription::new(store.clone(), wanted());
        let mut events = Vec::new();
        while subscription.checkpoint().position < head {
            tokio::select! {
                biased;
                batch = subscription.next_batch(700) => events.extend(batch.unwrap().events),
                () = tokio::task::yield_now() => dropped += 1,
            }
        }
        let expected: Vec<_> = (1..=head.get()).filter(|n| n % 2 == 0).collect();
        assert_eq!(positions(&events), expected, "seed {seed}");
    }
    assert!(dropped > 8, "only {dropped} calls were dropped");
}

#[tokio::test]
async fn at_most_one_page_is_read_ahead() {
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    append_kinds(store.inner(), 4 * PAGE_EVENTS_MAX, |_| true).await;
    let mut subscription = Subscription::new(store.clone(), wanted());
    for pages in 1..=3 {
        let before = store.calls(Call::Read);
        subscription.next_batch(PAGE_EVENTS_MAX).await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        // The next one, besides the first one itself.
        let expected = if pages == 1 { 2 } else { 1 };
        assert_eq!(store.calls(Call::Read) - before, expected);
    }
}

/// A subscription that is busy with a page keeps nothing of the store for itself: its handler may
/// be waiting for just that.
#[tokio::test]
async fn the_page_read_ahead_arrives_while_its_reader_is_busy() {
    let gate = Gate::new();
    let store =
        FaultyStore::new(MemoryStore::new()).on(Call::Read, 2, Fault::AnswerHeld(gate.clone()));
    let store = Arc::new(store);
    append_kinds(store.inner(), 2 * PAGE_EVENTS_MAX, |_| true).await;
    let mut subscription = Subscription::new(store.clone(), wanted());
    subscription.next_batch(PAGE_EVENTS_MAX).await.unwrap();
    gate.arrived(1).await;
    gate.open();
    let weak = Arc::downgrade(&store);
    while weak.strong_count() > 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_call_fails_all_events_come_once_in_order() {
    for fault in [Fault::Unavailable, Fault::RequestCut, Fault::AnswerCut, Fault::Closed] {
        for call in 1.. {
            let store = FaultyStore::new(MemoryStore::new());
            append_kinds(store.inner(), PAGE_EVENTS_MAX + 50, |n| n % 2 == 0).await;
            store.plan(Call::Any, call, fault.clone());
            let store = Arc::new(store);
            let mut subscription = Subscription::new(store.clone(), wanted());
            let mut events = Vec::new();
            let mut errors = 0;
            for added in [0, 4, 6] {
                append_kinds(store.inner(), added, |n| n % 2 == 0).await;
                let head = store.inner().head().await.unwrap();
                while subscription.checkpoint().position < head {
                    match subscription.next_batch(1_000).await {
                        Ok(batch) => events.extend(batch.events),
                        Err(SubscriptionError::Read(ReadError::Closed { .. })) => errors += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            let expected: Vec<_> =
                (1..=PAGE_EVENTS_MAX as u64 + 60).filter(|n| n % 2 == 0).collect();
            assert_eq!(positions(&events), expected, "{fault:?} at call {call}");
            if store.faults_left() > 0 {
                assert!(call > 5, "the fault must have met every call, not just {call}");
                break;
            }
            // An unavailable store is come back to, a closed one is told.
            assert_eq!(errors, usize::from(matches!(fault, Fault::Closed)), "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_an_error_after_a_bounded_time_and_no_end() {
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    append_kinds(store.inner(), 3, |_| true).await;
    let retry = Retry { attempts_max: 4, ..Retry::default() };
    for call in 1..=4 {
        store.plan(Call::Read, call, Fault::Unavailable);
    }
    let mut subscription = Subscription::new(store.clone(), wanted()).retry(retry);
    let error = subscription.next_batch(10).await.unwrap_err();
    assert!(matches!(error, SubscriptionError::Read(ReadError::Unavailable { .. })), "{error}");
    assert_eq!(store.calls(Call::Read), 4);
    assert_eq!(positions(&subscription.next_batch(10).await.unwrap().events), [1, 2, 3]);
}

#[tokio::test]
async fn typed_events_come_with_place_and_metadata() {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, 4, |n| n != 3).await;
    let query = types_of::<Event>().unwrap();
    let mut subscription = Subscription::new(store.clone(), query).typed::<Event>();
    let batch = subscription.next_batch(10).await.unwrap();
    let events: Vec<_> =
        batch.events.iter().map(|event| (event.position.get(), event.event.clone())).collect();
    let deposited = |amount| Event::Deposited { amount };
    assert_eq!(events, [(1, deposited(1)), (2, deposited(2)), (4, deposited(4))]);
    assert_eq!(batch.checkpoint.position.get(), 4);
}

#[tokio::test]
async fn an_event_that_does_not_decode_is_never_passed_over() {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, 2, |_| true).await;
    append_strange(&*store).await;
    append_kinds(&*store, 2, |_| true).await;
    for start in [Position::ZERO, Position::new(2).unwrap()] {
        let query = types_of::<Event>().unwrap();
        let mut subscription = Subscription::new(store.clone(), query)
            .typed::<Event>()
            .starting_at(place(&*store, start).await);
        if start == Position::ZERO {
            let batch = subscription.next_batch(10).await.unwrap();
            assert_eq!(batch.events.len(), 2);
            assert_eq!(batch.checkpoint, place(&*store, Position::new(2).unwrap()).await);
        }
        for _ in 0..3 {
            let error = subscription.next_batch(10).await.unwrap_err();
            let expected = "event deposited version 9 at position 3 does not decode";
            assert_eq!(error.to_string(), expected);
            assert_eq!(subscription.checkpoint().position.get(), 2);
        }
    }
}

#[tokio::test]
async fn a_checkpoint_is_where_another_subscription_goes_on() {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, 100, |n| n % 4 == 0).await;
    let mut checkpoint = Checkpoint::START;
    let mut events = Vec::new();
    loop {
        let mut subscription = Subscription::new(store.clone(), wanted()).starting_at(checkpoint);
        subscription.verify().await.unwrap();
        let Some(batch) = subscription.try_next_batch(3).await.unwrap() else { break };
        checkpoint = batch.checkpoint;
        events.extend(batch.events);
    }
    assert_eq!(positions(&events), (1..=25).map(|n| 4 * n).collect::<Vec<_>>());
}

#[tokio::test]
async fn everything_is_a_query_too() {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, 5, |n| n % 2 == 0).await;
    let mut subscription = Subscription::new(store.clone(), EventQuery::all());
    assert_eq!(positions(&drain(&mut subscription, 2).await), [1, 2, 3, 4, 5]);
}

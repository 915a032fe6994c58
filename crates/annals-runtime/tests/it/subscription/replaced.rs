//! A log that is not the one that was read before: restored from a backup, or failed over to a
//! replica that lagged.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{Checkpoint, CheckpointError, EventId, EventStore, MemoryStore, Position};
use annals_runtime::{Subscription, SubscriptionError};
use tokio::time::{Instant, timeout};

use super::feed::{append_kinds, place, positions, wanted};
use crate::stores::Restorable;

async fn log(events: usize) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    append_kinds(&*store, events, |_| true).await;
    store
}

/// A subscription that has read all `events` of a log.
async fn subscribed(events: usize) -> (Arc<Restorable>, Subscription) {
    let store = Arc::new(Restorable::default());
    store.restore(log(events).await);
    let mut subscription = Subscription::new(store.clone(), wanted());
    assert_eq!(subscription.next_batch(1_000).await.unwrap().events.len(), events);
    (store, subscription)
}

/// Why there is no next batch. A subscription that just waited would be the bug.
async fn refusal(subscription: &mut Subscription) -> SubscriptionError {
    let batch = timeout(Duration::from_secs(60), subscription.next_batch(10)).await;
    batch.expect("it goes on as if nothing had happened").unwrap_err()
}

fn is_ahead(error: &SubscriptionError) -> bool {
    matches!(error, SubscriptionError::Checkpoint(CheckpointError::Ahead { .. }))
}

fn is_other_history(error: &SubscriptionError) -> bool {
    matches!(error, SubscriptionError::Checkpoint(CheckpointError::OtherHistory { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_ahead_of_the_log_stops_loudly() {
    let store = log(7).await;
    let checkpoint = place(&*store, Position::new(7).unwrap()).await;
    let mut subscription = Subscription::new(log(5).await, wanted()).starting_at(checkpoint);
    assert!(is_ahead(&subscription.verify().await.unwrap_err()));
    for _ in 0..2 {
        let error = refusal(&mut subscription).await;
        assert!(is_ahead(&error));
        assert_eq!(
            error.to_string(),
            "the checkpoint is at position 7, the log ends at 5: it was restored from a backup, or \
             lost its end"
        );
        assert!(is_ahead(&subscription.try_next_batch(10).await.unwrap_err()));
    }
}

#[tokio::test(start_paused = true)]
async fn another_event_at_the_checkpoint_stops_loudly() {
    let checkpoint = place(&*log(7).await, Position::new(7).unwrap()).await;
    for events in [7, 8, 7_000] {
        // Whether the query selects the event there or not.
        for is_wanted in [true, false] {
            let store = Arc::new(MemoryStore::new());
            append_kinds(&*store, events, |_| is_wanted).await;
            let mut subscription = Subscription::new(store, wanted()).starting_at(checkpoint);
            assert!(is_other_history(&subscription.verify().await.unwrap_err()));
            assert!(is_other_history(&refusal(&mut subscription).await));
            assert!(is_other_history(&subscription.try_next_batch(10).await.unwrap_err()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_without_an_event_belongs_to_no_log() {
    let position = Position::new(2).unwrap();
    for event_id in [None, Some(EventId::new())] {
        let checkpoint = Checkpoint { position, event_id };
        let mut subscription = Subscription::new(log(3).await, wanted()).starting_at(checkpoint);
        assert!(is_other_history(&refusal(&mut subscription).await));
    }
}

/// Nobody rings when a log becomes shorter.
#[tokio::test(start_paused = true)]
async fn a_log_that_loses_its_end_is_noticed_while_nothing_happens() {
    let (store, mut subscription) = subscribed(7).await;
    let begun = Instant::now();
    let shorter = log(5).await;
    let (error, ()) = tokio::join!(refusal(&mut subscription), async { store.restore(shorter) });
    assert!(is_ahead(&error), "{error}");
    assert!(begun.elapsed() <= Duration::from_secs(10));
}

/// It would go on from position 7 otherwise, and never know what it has missed.
#[tokio::test(start_paused = true)]
async fn a_log_that_has_grown_past_the_checkpoint_with_other_events_is_noticed() {
    for events in [7, 8, 20, 7_000] {
        let (store, mut subscription) = subscribed(7).await;
        store.restore(log(events).await);
        assert!(is_other_history(&subscription.try_next_batch(10).await.unwrap_err()), "{events}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_replaced_on_the_way_is_noticed_with_the_next_page() {
    let store = Arc::new(Restorable::default());
    store.restore(log(20_000).await);
    let mut subscription = Subscription::new(store.clone(), wanted());
    subscription.next_batch(usize::MAX).await.unwrap();
    store.restore(log(20_000).await);
    let error = loop {
        // The page that was read ahead is of the old log, and follows on what was handed out.
        match subscription.try_next_batch(usize::MAX).await {
            Ok(batch) => assert!(batch.is_some(), "the end of the other log was reached"),
            Err(error) => break error,
        }
        assert!(subscription.checkpoint().position.get() <= 10_000);
    };
    assert!(is_other_history(&error), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_same_log_restored_is_gone_on_with() {
    let (store, mut subscription) = subscribed(7).await;
    let same = store.current();
    store.restore(same);
    append_kinds(&*store, 2, |_| true).await;
    assert_eq!(positions(&subscription.next_batch(10).await.unwrap().events), [8, 9]);
    assert_eq!(store.head().await.unwrap().get(), 9);
}

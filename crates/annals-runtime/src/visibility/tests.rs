//! What is remembered of projections.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{ConsistencyToken, LogId, Position};
use annals_testing::MemoryReadModels;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::{JoinSet, yield_now};

use super::Visibility;
use super::queue::Queue;

#[tokio::test(start_paused = true)]
async fn names_that_nobody_knows_do_not_pile_up() {
    let visibility = Visibility::new(Arc::new(MemoryReadModels::new()));
    let token = ConsistencyToken { log_id: LogId::new(), position: Position::new(1).unwrap() };
    for name in 0..100 {
        let name = format!("name_{name}");
        assert!(visibility.wait_for(&name, token, Duration::from_secs(1)).await.is_err());
    }
    assert_eq!(visibility.lock().len(), 0);
}

/// Everybody who waited was woken by each transaction, which at thousands of commands a second took
/// more time than the transactions.
#[tokio::test]
async fn those_are_woken_whose_position_is_reached_and_nobody_else() {
    const WAITERS: u64 = 200;
    let (mut queue, polls) = (Queue::default(), Arc::new(AtomicU64::new(0)));
    let mut waiting = JoinSet::new();
    for position in 1..=WAITERS {
        let (_, woken) = queue.enter(Position::new(position).unwrap());
        let polls = Arc::clone(&polls);
        waiting.spawn(async move {
            let mut woken = pin!(woken);
            let counted = poll_fn(|context| {
                polls.fetch_add(1, Ordering::Relaxed);
                woken.as_mut().poll(context)
            });
            let _ = counted.await;
            position
        });
    }
    while polls.load(Ordering::Relaxed) < WAITERS {
        yield_now().await;
    }
    for position in 1..=WAITERS {
        drop(queue.reached(Position::new(position).unwrap()));
        assert_eq!(waiting.join_next().await.unwrap().unwrap(), position);
    }
    assert_eq!(polls.load(Ordering::Relaxed), 2 * WAITERS);
}

#[tokio::test]
async fn whoever_has_left_or_waits_for_more_is_not_taken_off() {
    let at = |position| Position::new(position).unwrap();
    let mut queue = Queue::default();
    let (left, _) = queue.enter(at(5));
    let (_, mut same) = queue.enter(at(5));
    let (_, mut later) = queue.enter(at(6));
    queue.leave(left);
    assert_eq!(queue.reached(at(5)).len(), 1);
    assert_eq!(same.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(later.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(queue.all().len(), 1);
}

//! What the projections of this process tell is seen at once, and without a question.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{ConsistencyToken, LogId, Position};
use annals_testing::MemoryReadModels;
use tokio::time::Instant;

use super::{Visibility, WaitError};

const SECOND: Duration = Duration::from_secs(1);

fn token(log_id: LogId, at: u64) -> ConsistencyToken {
    ConsistencyToken { log_id, position: Position::new(at).unwrap() }
}

/// A read database that knows of no projection: all that is known was told.
fn visibility() -> Visibility {
    Visibility::new(Arc::new(MemoryReadModels::new()))
}

#[tokio::test(start_paused = true)]
async fn what_is_told_wakes_all_who_wait_for_it_at_once() {
    let (visibility, log_id) = (visibility(), LogId::new());
    let waiting = |at| {
        let visibility = visibility.clone();
        async move { visibility.wait_for("sums", token(log_id, at), SECOND).await }
    };
    let begun = Instant::now();
    let (first, second, late, ()) = tokio::join!(waiting(3), waiting(4), waiting(5), async {
        tokio::task::yield_now().await;
        visibility.publish("others", log_id, Position::new(9).unwrap());
        visibility.publish("sums", log_id, Position::new(4).unwrap());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    });
    assert_eq!((first.unwrap().get(), second.unwrap().get()), (4, 4));
    assert!(late.is_err());
    let after = Instant::now();
    assert_eq!(waiting(2).await.unwrap().get(), 4);
    assert_eq!(after.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn old_news_take_nothing_back() {
    let (visibility, log_id) = (visibility(), LogId::new());
    visibility.publish("sums", log_id, Position::new(8).unwrap());
    visibility.publish("sums", log_id, Position::new(3).unwrap());
    assert_eq!(visibility.wait_for("sums", token(log_id, 8), SECOND).await.unwrap().get(), 8);
    // A read model that was set up anew, from another log, is not that far because this one was.
    let other = LogId::new();
    visibility.publish("sums", other, Position::new(3).unwrap());
    let refused = visibility.wait_for("sums", token(log_id, 8), SECOND).await.unwrap_err();
    assert!(matches!(refused, WaitError::OtherLog { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_knows_do_not_pile_up() {
    let (visibility, log_id) = (visibility(), LogId::new());
    visibility.publish("sums", log_id, Position::new(1).unwrap());
    for name in 0..100 {
        let name = format!("name_{name}");
        assert!(visibility.wait_for(&name, token(log_id, 1), SECOND).await.is_err());
    }
    assert_eq!(visibility.lock().len(), 1);
}

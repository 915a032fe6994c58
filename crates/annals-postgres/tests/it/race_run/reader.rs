//! A process that reads.

use annals_core::{EventStore, Position, ReadError};
use rand::RngExt;

use super::follower::Follower;
use super::process::{order, say};
use crate::hostile::block_on;

/// Follows the log until it is told where the log ends, and says the digest up to there.
pub(crate) fn play(url: &str) {
    let order = order();
    block_on(async {
        let store = super::open(url).await;
        let mut follower = Follower::default();
        let mut end: Option<Position> = None;
        while end.is_none_or(|end| follower.after() < end) {
            end = end.or_else(|| order.get().map(|end| position(end)));
            let limit = rand::rng().random_range(1..500);
            let events = follower.follow(&store, limit).await;
            if events.is_empty() && end.is_none_or(|end| follower.after() < end) {
                wait(&store, follower.after()).await;
            }
        }
        assert_eq!(Some(follower.after()), end, "the log has grown past its end");
        say(&format!("digest {}", follower.digest()));
    });
}

fn position(text: &str) -> Position {
    let number = text.parse().expect("it is a number");
    Position::new(number).expect("it is the position of an event")
}

/// Waits for news, but not for ever: the order to end is none.
async fn wait(store: &impl EventStore, after: Position) {
    let news = tokio::time::timeout(std::time::Duration::from_millis(200), store.wait_past(after));
    match news.await {
        Ok(Ok(head)) => assert!(head > after, "woken without news"),
        Ok(Err(ReadError::Unavailable { .. })) | Err(_) => {}
        Ok(Err(error)) => panic!("{error:?}"),
    }
}

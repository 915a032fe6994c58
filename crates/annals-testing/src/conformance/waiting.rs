//! G11: news.

use std::sync::Arc;

use annals_core::{BoxFuture, EventStore, Position};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::harness::Harness;
use super::race::{in_flight, poll_once, race};
use super::reading::head;
use super::sample::{acknowledged, events, new_log, pos, stream, unconditional};

/// **G11** Waiting for news never misses any.
///
/// Waiters that begin before, while and after an append is written, on one thread and on several,
/// and some that give up. Each is answered, with a head beyond its position. A store may be late:
/// the time limit of the check is the only one.
///
/// # Panics
///
/// If the guarantee is broken. A waiter that is never answered shows as the check's time limit.
pub async fn g11_waiting_misses_no_news(harness: &dyn Harness) {
    let seed = harness.seed();
    println!("seed {seed}");
    let mut log = new_log(harness).await;
    let store = log.store();
    in_turns(&*store).await;
    waiters_that_give_up_harm_nobody(&*store).await;
    append_races_waiters(&store, seed).await;
    let end = head(&*store).await;
    drop(store);
    log.reopen().await;
    let store = log.store();
    assert_eq!(wait(&*store, end.before()).await, end, "what was there before is not news");
    in_turns(&*store).await;
}

async fn wait(store: &dyn EventStore, position: Position) -> Position {
    let head = store.wait_past(position).await.expect("a healthy store can be waited for");
    assert!(head > position, "woken at {head} while waiting for something past {position}");
    head
}

async fn append_one(store: &dyn EventStore) -> Position {
    let one = unconditional(events(&stream("news"), 1));
    acknowledged(store, one).await.last_position()
}

/// On one thread, so that the order of the steps is certain.
async fn in_turns(store: &dyn EventStore) {
    let start = head(store).await;
    for _ in 0..20 {
        let known = head(store).await;
        // Waits first.
        let mut early = store.wait_past(known);
        assert!(poll_once(&mut early).await.is_none(), "woken before anything happened");
        let far = pos(known.get() + 2);
        let mut beyond = store.wait_past(far);
        assert!(poll_once(&mut beyond).await.is_none(), "woken before anything happened");
        // Begins to wait while the append is under way.
        let together: Vec<BoxFuture<'_, Position>> =
            vec![Box::pin(wait(store, known)), Box::pin(append_one(store))];
        let heads = in_flight(together).await;
        assert_eq!(heads, [known.plus(1); 2]);
        let together: Vec<BoxFuture<'_, Position>> =
            vec![Box::pin(append_one(store)), Box::pin(wait(store, known.plus(1)))];
        assert_eq!(in_flight(together).await, [known.plus(2); 2]);
        let woken = early.await.expect("a healthy store can be waited for");
        assert!(woken > known, "woken at {woken} while waiting for something past {known}");
        // Two appends went by, and this one waits for the third.
        assert!(poll_once(&mut beyond).await.is_none(), "woken too early");
        let third = append_one(store).await;
        assert_eq!(beyond.await.expect("a healthy store can be waited for"), third);
        // Begins when it is long there: answered at once, though nothing will happen any more.
        assert_eq!(wait(store, known).await, third);
        assert_eq!(wait(store, start).await, third);
    }
}

async fn waiters_that_give_up_harm_nobody(store: &dyn EventStore) {
    let known = head(store).await;
    let mut waiters: Vec<_> = (0..50).map(|_| store.wait_past(known)).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter).await.is_none(), "woken before anything happened");
    }
    let mut last = waiters.pop().expect("there are some");
    drop(waiters);
    let head = append_one(store).await;
    let woken = match poll_once(&mut last).await {
        Some(woken) => woken,
        None => last.await,
    };
    assert_eq!(woken.expect("a healthy store can be waited for"), head);
}

/// Followers that wait for each event in turn, and for some further on, while others append.
async fn append_races_waiters(store: &Arc<dyn EventStore>, seed: u64) {
    const WRITERS: u64 = 2;
    const APPENDS: u64 = 60;
    let start = head(&**store).await;
    let end = start.plus(WRITERS * APPENDS);
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, ()> {
        let store = Arc::clone(store);
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(writer));
        Box::pin(async move {
            for _ in 0..APPENDS {
                append_one(&*store).await;
                // Now and then everyone gets to wait for the next one.
                for _ in 0..random.random_range(0..3) {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    let followers = (0..6).map(|step| -> BoxFuture<'static, ()> {
        let store = Arc::clone(store);
        Box::pin(async move {
            let mut known = start;
            while known < end {
                known = wait(&*store, known.plus(step).min(end.before())).await;
            }
        })
    });
    race(writers.chain(followers)).await;
}

//! What is shown, when, and for how long.

use std::sync::Arc;

use annals_core::{
    AppendCondition, Appended, BoxFuture, CommandId, EventStore, Position, Read, RecordedEvent,
    Sequence, StreamId,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use super::harness::Harness;
use super::race::race;
use super::reading::{head, read_log, read_page};
use super::sample::{acknowledged, commanded, event, new_log, of_type, stream};

/// An append as its writer tells the readers of it.
#[derive(Debug, Clone)]
struct News {
    id: CommandId,
    stream: StreamId,
    /// `None` while it is under way.
    outcome: Option<Appended>,
}

/// Everything a reader was shown.
#[derive(Debug, Default)]
struct Shown {
    events: Vec<RecordedEvent>,
    head: Position,
    outcomes: Vec<(CommandId, Appended)>,
}

/// A read shows all that was acknowledged before it began, and nothing that goes away again. The
/// same goes for the head and for the outcomes of commands.
///
/// Readers look while events are written: for what they know to be acknowledged, and for whatever
/// else there is. The latter must still be there, and the same, when the log was opened again.
///
/// # Panics
///
/// If the promise is broken.
pub async fn reads_show_what_is_acknowledged_and_nothing_that_goes_away(harness: &dyn Harness) {
    const WRITERS: usize = 3;
    const READERS: u64 = 4;
    const APPENDS: usize = 40;
    let seed = harness.seed();
    println!("seed {seed}");
    let mut log = new_log(harness).await;
    let (running, is_running) = watch::channel(WRITERS);
    let (telling, told) = watch::channel(None);
    let (running, telling) = (Arc::new(running), Arc::new(telling));
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, Shown> {
        let (store, telling, running) = (log.store(), Arc::clone(&telling), Arc::clone(&running));
        Box::pin(async move {
            let own = stream(format!("{writer}"));
            for _ in 0..APPENDS {
                let id = CommandId::new();
                let append = commanded(vec![event(&own)], AppendCondition::default(), id);
                let mut news = News { id, stream: own.clone(), outcome: None };
                telling.send_replace(Some(news.clone()));
                news.outcome = Some(acknowledged(&*store, append).await);
                telling.send_replace(Some(news));
                tokio::task::yield_now().await;
            }
            running.send_modify(|running| *running -= 1);
            Shown::default()
        })
    });
    let readers = (0..READERS).map(|reader| -> BoxFuture<'static, Shown> {
        let (store, told, is_running) = (log.store(), told.clone(), is_running.clone());
        let mut random = StdRng::seed_from_u64(seed.wrapping_add(reader));
        Box::pin(async move {
            let mut shown = Shown::default();
            while *is_running.borrow() > 0 {
                let news = told.borrow().clone();
                if let Some(news) = news {
                    shown.look(&*store, &news, random.random_range(0..5)).await;
                }
                tokio::task::yield_now().await;
            }
            shown
        })
    });
    let shown = race(writers.chain(readers)).await;
    log.reopen().await;
    let store = log.store();
    let written = read_log(&*store).await;
    for Shown { events, head, outcomes } in shown {
        assert!(head.get() <= written.len() as u64, "the head was {head} and is gone");
        for event in events {
            let place = usize::try_from(event.position.before().get()).expect("the log is short");
            assert_eq!(written.get(place), Some(&event), "what was shown is gone or another");
        }
        for (id, outcome) in outcomes {
            let found = store.find_command(id).await.expect("a healthy store can be read");
            assert_eq!(found, Some(outcome), "the outcome that was shown is gone or another");
        }
    }
}

/// A stream that has an event beyond a position is not called unchanged since then: not once the
/// event is acknowledged, not once anybody has read it, and not when the log was opened again.
///
/// A store may call any stream changed.
///
/// # Panics
///
/// If the promise is broken.
pub async fn a_stream_that_has_changed_is_never_called_unchanged(harness: &dyn Harness) {
    const WRITERS: usize = 3;
    const READERS: u64 = 3;
    const APPENDS: usize = 100;
    let mut log = new_log(harness).await;
    let (running, is_running) = watch::channel(WRITERS);
    let running = Arc::new(running);
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, ()> {
        let (store, running) = (log.store(), Arc::clone(&running));
        Box::pin(async move {
            let own = stream(format!("{writer}"));
            for _ in 0..APPENDS {
                let append =
                    commanded(vec![event(&own)], AppendCondition::default(), CommandId::new());
                let at = acknowledged(&*store, append).await.first_position;
                assert_changed_before(&*store, &own, at);
            }
            running.send_modify(|running| *running -= 1);
        })
    });
    let readers = (0..READERS).map(|_| -> BoxFuture<'static, ()> {
        let (store, is_running) = (log.store(), is_running.clone());
        Box::pin(async move {
            let mut through = Position::ZERO;
            while *is_running.borrow() > 0 {
                let page = read_page(&*store, Read::all().after(through)).await;
                for event in &page.events {
                    assert_changed_before(&*store, &event.stream, event.position);
                }
                through = page.through;
                tokio::task::yield_now().await;
            }
        })
    });
    race(writers.chain(readers)).await;
    log.reopen().await;
    let store = log.store();
    for event in read_log(&*store).await {
        assert_changed_before(&*store, &event.stream, event.position);
    }
}

fn assert_changed_before(store: &dyn EventStore, stream: &StreamId, event: Position) {
    for position in [Position::ZERO, event.before()] {
        let is_unchanged = store.is_unchanged_since(stream, position);
        assert!(!is_unchanged, "{stream} has an event at {event}: it changed after {position}");
    }
}

impl Shown {
    /// Looks in one of five ways.
    async fn look(&mut self, store: &dyn EventStore, news: &News, way: u8) {
        let first = news.outcome.as_ref().map_or(Position::ZERO, |outcome| outcome.first_position);
        let read = match way {
            0 => Read::all().after(first.before()),
            1 => Read::query(of_type("happened")).after(first.before()),
            2 => Read::stream(news.stream.clone(), Sequence::ZERO),
            3 => return self.look_at_head(store, first).await,
            _ => return self.look_for_command(store, news).await,
        };
        let page = read_page(store, read.clone()).await;
        assert!(
            news.outcome.is_none() || page.events.iter().any(|event| event.position == first),
            "the event at {first} was acknowledged, and {read:?} does not show it"
        );
        self.events.extend(page.events);
    }

    async fn look_at_head(&mut self, store: &dyn EventStore, acknowledged: Position) {
        let head = head(store).await;
        assert!(head >= acknowledged, "{acknowledged} was acknowledged, and the head is {head}");
        self.head = self.head.max(head);
    }

    async fn look_for_command(&mut self, store: &dyn EventStore, news: &News) {
        let found = store.find_command(news.id).await.expect("a healthy store can be read");
        if let Some(outcome) = &news.outcome {
            let repeat = Appended { repeated: true, ..outcome.clone() };
            assert_eq!(found, Some(repeat), "an acknowledged command is not found");
        }
        self.outcomes.extend(found.map(|found| (news.id, found)));
    }
}

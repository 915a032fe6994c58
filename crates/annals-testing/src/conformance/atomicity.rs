//! G1: all or none.

use std::sync::Arc;

use annals_core::{
    AppendCondition, AppendError, BoxFuture, EventStore, NewEvent, Position, Read, RecordedEvent,
};
use tokio::sync::watch;

use super::harness::Harness;
use super::race::race;
use super::reading::{read_log, read_page, read_stream};
use super::sample::{conditional, event_with, events, new_log, seq, stream, unconditional};

/// Events in each append of the race.
const PARTS: usize = 7;

/// Streams they are spread over.
const STREAMS: usize = 3;

/// **G1** An append writes all its events or none.
///
/// Appends of several events over several streams run against each other and against refused ones.
/// Readers, some from the beginning and some from where they were, never see a part of one.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g1_append_is_all_or_nothing(harness: &dyn Harness) {
    const WRITERS: usize = 4;
    const APPENDS: usize = 12;
    let log = new_log(harness).await;
    let store = log.store();
    let shared = stream("shared");
    let _ = store.append(unconditional(events(&shared, 1))).await.expect("it can be written");
    let (running, is_running) = watch::channel(WRITERS);
    let running = Arc::new(running);
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, usize> {
        let (store, running) = (log.store(), Arc::clone(&running));
        Box::pin(async move {
            let mut acknowledged = 0;
            for number in 0..APPENDS {
                acknowledged += usize::from(try_append(&*store, writer, number).await);
            }
            running.send_modify(|running| *running -= 1);
            acknowledged
        })
    });
    let readers = (0..2).map(|_| -> BoxFuture<'static, usize> {
        let (store, is_running) = (log.store(), is_running.clone());
        Box::pin(async move {
            watch_until_done(&*store, || *is_running.borrow() == 0).await;
            0
        })
    });
    let acknowledged: usize = race(writers.chain(readers)).await.into_iter().sum();
    let parts = read_log(&*store).await;
    assert_whole(&parts);
    assert_eq!(parts.len(), 1 + acknowledged * PARTS, "acknowledged and readable events differ");
}

/// One append over several streams, every other time under a condition that fails at its last
/// stream. Whether it was written.
async fn try_append(store: &dyn EventStore, writer: usize, number: usize) -> bool {
    let is_doomed = number % 2 == 1;
    let parts = parts(writer, number);
    let mut condition = AppendCondition::default();
    for event in &parts {
        let written = read_stream(store, event.stream()).await.len() as u64;
        condition = condition.expect_sequence(event.stream().clone(), seq(written));
    }
    if is_doomed {
        // The last in the order of the streams, so that all others are found to be right first.
        condition = condition.expect_sequence(stream("shared"), seq(0));
    }
    match store.append(conditional(parts, condition)).await {
        Ok(_) => {
            assert!(!is_doomed, "a wrong sequence was overlooked");
            true
        }
        Err(AppendError::Conflict { .. }) => {
            assert!(is_doomed, "a writer is alone on its streams, and its condition was right");
            false
        }
        Err(error) => panic!("a healthy store answers: {error:?}"),
    }
}

fn parts(writer: usize, number: usize) -> Vec<NewEvent> {
    let part = |part: usize| {
        let payload = format!(r#"{{"append":"{writer}.{number}","part":{part}}}"#);
        let stream = stream(format!("of-{writer}-{}", part % STREAMS));
        event_with(&stream, "part", &[], &payload)
    };
    (0..PARTS).map(part).collect()
}

/// Reads the log from its beginning and from where the last page ended, at least once after
/// `is_done`.
async fn watch_until_done(store: &dyn EventStore, is_done: impl Fn() -> bool) {
    let mut after = Position::ZERO;
    loop {
        let is_last = is_done();
        assert_whole(&read_page(store, Read::all()).await.events);
        let page = read_page(store, Read::all().after(after)).await;
        assert_whole(&page.events);
        after = page.through;
        if is_last {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Each append of the race is there with all its parts, side by side.
fn assert_whole(events: &[RecordedEvent]) {
    let parts: Vec<&str> = events
        .iter()
        .filter(|event| event.event_type.as_str() == "part")
        .map(|event| event.payload.as_str())
        .collect();
    for append in parts.chunks(PARTS) {
        let first = append.first().copied().unwrap_or_default();
        let prefix = first.trim_end_matches("0}");
        let expected: Vec<String> = (0..PARTS).map(|part| format!("{prefix}{part}}}")).collect();
        assert_eq!(append, expected, "an append was torn or mixed with another");
    }
}

//! G3 and G4: positions and sequences.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use annals_core::{
    AppendError, Appended, BoxFuture, EventQuery, EventStore, Position, Read, RecordedEvent,
    Sequence, StreamId,
};
use tokio::sync::watch;

use super::harness::Harness;
use super::race::race;
use super::reading::{head, read_log, read_page, read_stream};
use super::sample::{
    acknowledged, at, conditional, event, event_of, events, new_log, of_type, stream, unconditional,
};

/// **G3** Positions are 1, 2, 3, ... without holes, in commit order. Who has read position p never
/// later meets a new event at or below p.
///
/// Many writers, some of them refused, and readers that poll meanwhile and continue after
/// `through`, over everything and over a part. Nothing is skipped, nothing comes late, and what is
/// acknowledged is readable at once.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g3_positions_are_gap_free_in_commit_order(harness: &dyn Harness) {
    const WRITERS: usize = 8;
    let log = new_log(harness).await;
    let (running, is_running) = watch::channel(WRITERS);
    let running = Arc::new(running);
    let writers = (0..WRITERS).map(|writer| -> BoxFuture<'static, Seen> {
        let (store, running) = (log.store(), Arc::clone(&running));
        Box::pin(async move {
            let acknowledged = write(&*store, writer).await;
            running.send_modify(|running| *running -= 1);
            Seen::Acknowledged(acknowledged)
        })
    });
    let readers = [1, 7, 1_000].into_iter().flat_map(|limit| [(limit, false), (limit, true)]);
    let readers = readers.map(|(limit, is_partial)| -> BoxFuture<'static, Seen> {
        let (store, is_running) = (log.store(), is_running.clone());
        let query = if is_partial { of_type("rare") } else { EventQuery::all() };
        Box::pin(async move {
            let read = Read::query(query).limit(limit);
            Seen::Read(read.clone(), follow(&*store, read, || *is_running.borrow() == 0).await)
        })
    });
    let seen = race(writers.chain(readers)).await;
    let store = log.store();
    let events = read_log(&*store).await;
    assert_eq!(head(&*store).await.get(), events.len() as u64);
    let mut positions = BTreeSet::new();
    for seen in seen {
        match seen {
            Seen::Acknowledged(appends) => {
                for appended in appends {
                    let (first, last) = (appended.first_position, appended.last_position());
                    positions.extend(first.get()..=last.get());
                }
            }
            Seen::Read(read, followed) => {
                let selected = events.iter().filter(|event| read.selection().contains(event));
                let missed: Vec<_> = selected.filter(|event| !followed.contains(event)).collect();
                assert!(missed.is_empty(), "a reader that followed the log missed {missed:?}");
            }
        }
    }
    let expected: BTreeSet<u64> = (1..=events.len() as u64).collect();
    assert_eq!(positions, expected, "the acknowledged positions have holes");
}

enum Seen {
    Acknowledged(Vec<Appended>),
    Read(Read, Vec<RecordedEvent>),
}

/// Appends of one to three events; every fifth is refused.
async fn write(store: &dyn EventStore, writer: usize) -> Vec<Appended> {
    const APPENDS: usize = 20;
    let own = stream(format!("{writer}"));
    let mut acknowledged: Vec<Appended> = Vec::new();
    for number in 0..APPENDS {
        let mut events = events(&own, number % 3);
        events.push(event_of(&own, if number % 4 == 0 { "rare" } else { "happened" }, &[]));
        if number % 5 == 4 {
            let refused = store.append(conditional(events, at(&own, 0))).await;
            assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
            continue;
        }
        let appended = store.append(unconditional(events)).await.expect("the store is healthy");
        let last = appended.last_position();
        if let Some(before) = acknowledged.last() {
            assert!(appended.first_position > before.last_position(), "a position stepped back");
        }
        assert!(head(store).await >= last, "the head is behind an acknowledged append");
        let page = read_page(store, Read::all().after(last.before()).limit(1)).await;
        let found = page.events.first().map(|event| (event.position, &event.stream));
        assert_eq!(found, Some((last, &own)), "an acknowledged event is not readable");
        acknowledged.push(appended);
    }
    acknowledged
}

/// What a reader gathers that continues after `through`, until once after `is_done`.
async fn follow(
    store: &dyn EventStore,
    read: Read,
    is_done: impl Fn() -> bool,
) -> Vec<RecordedEvent> {
    let mut gathered: Vec<RecordedEvent> = Vec::new();
    let mut after = Position::ZERO;
    loop {
        let is_last = is_done();
        let page = read_page(store, read.clone().after(after)).await;
        for event in &page.events {
            assert!(event.position > after, "position {} was already passed", event.position);
            assert!(event.position <= page.through, "an event beyond through");
        }
        if read.selection() == Read::all().selection() {
            let positions: Vec<u64> = page.events.iter().map(|e| e.position.get()).collect();
            let expected: Vec<u64> = (after.get() + 1..=page.through.get()).collect();
            assert_eq!(positions, expected, "a hole after position {after}");
        }
        assert!(page.through >= after, "through stepped back");
        after = page.through;
        gathered.extend(page.events);
        if is_last && !page.has_more {
            return gathered;
        }
        tokio::task::yield_now().await;
    }
}

/// **G4** The sequences of one aggregate are 1, 2, 3, ... without holes, and rise with the
/// position.
///
/// Writers append to the same streams without conditions, several events for several streams at a
/// time. What they are told agrees with what is read.
///
/// # Panics
///
/// If the guarantee is broken.
pub async fn g4_sequences_of_a_stream_are_gap_free(harness: &dyn Harness) {
    const WRITERS: usize = 6;
    const APPENDS: usize = 10;
    const STREAMS: usize = 3;
    let log = new_log(harness).await;
    let writers = (0..WRITERS).map(|_| -> BoxFuture<'static, BTreeMap<Position, Place>> {
        let store = log.store();
        Box::pin(async move {
            let mut told = BTreeMap::new();
            for number in 0..APPENDS {
                // The same stream first and last, others in between.
                let streams: Vec<StreamId> = (0..=STREAMS)
                    .map(|index| stream(format!("shared-{}", (number + index) % STREAMS)))
                    .collect();
                let events = streams.iter().map(event).collect();
                let appended = acknowledged(&*store, unconditional(events)).await;
                assert_eq!(appended.count(), streams.len());
                let places = streams.into_iter().zip(appended.sequences.clone());
                told.extend((0..).map(|n| appended.first_position.plus(n)).zip(places));
            }
            told
        })
    });
    let told: BTreeMap<Position, Place> = race(writers).await.into_iter().flatten().collect();
    let store = log.store();
    // Reading the log checks for holes, by stream and position.
    let events = read_log(&*store).await;
    let read: BTreeMap<Position, Place> = events
        .iter()
        .map(|event| (event.position, (event.stream.clone(), event.sequence)))
        .collect();
    assert_eq!(told, read, "the acknowledged sequences are not those that are read");
    for index in 0..STREAMS {
        let stream = stream(format!("shared-{index}"));
        let expected: Vec<_> = events.iter().filter(|e| e.stream == stream).cloned().collect();
        assert_eq!(read_stream(&*store, &stream).await, expected, "a stream is not its part");
    }
}

type Place = (StreamId, Sequence);

//! Reading whole logs, and what must be true of any stretch of one.

use std::collections::HashMap;

use annals_core::{EventStore, Page, Position, Read, RecordedEvent, Sequence, StreamId};

/// Pages that a reader takes before it is considered to go round in circles.
const PAGES_MAX: usize = 10_000;

pub(super) async fn read_page(store: &dyn EventStore, read: Read) -> Page {
    store.read(read).await.expect("a healthy store can be read")
}

/// Every event `read` selects, gathered page by page, continuing after `through`.
pub(super) async fn read_pages(store: &dyn EventStore, read: Read) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    let mut after = read.after_position();
    for _ in 0..PAGES_MAX {
        let page = read_page(store, read.clone().after(after)).await;
        assert!(page.through >= after, "through stepped back from {after} to {}", page.through);
        events.extend(page.events);
        if !page.has_more {
            return events;
        }
        assert!(page.through > after, "there is more, but through stays at {after}");
        after = page.through;
    }
    panic!("the read did not end after {PAGES_MAX} pages");
}

/// The whole log.
pub(super) async fn read_log(store: &dyn EventStore) -> Vec<RecordedEvent> {
    let events = read_pages(store, Read::all()).await;
    assert_gap_free(&events);
    events
}

/// The events of one stream, in full.
pub(super) async fn read_stream(store: &dyn EventStore, stream: &StreamId) -> Vec<RecordedEvent> {
    read_pages(store, Read::stream(stream.clone(), Sequence::ZERO)).await
}

pub(super) async fn head(store: &dyn EventStore) -> Position {
    store.head().await.expect("a healthy store knows its head")
}

/// The first part of G3 and all of G4, for a log read from its beginning.
pub(super) fn assert_gap_free(events: &[RecordedEvent]) {
    let mut streams: HashMap<&StreamId, Sequence> = HashMap::new();
    let mut last: Option<&RecordedEvent> = None;
    for event in events {
        let before = last.map_or(Position::ZERO, |event| event.position);
        assert_eq!(event.position, before.plus(1), "a hole or disorder in the positions");
        let sequence = streams.entry(&event.stream).or_default();
        assert_eq!(
            event.sequence,
            sequence.plus(1),
            "a hole or disorder in the sequences of {} at position {}",
            event.stream,
            event.position
        );
        *sequence = event.sequence;
        if let Some(last) = last {
            assert!(event.timestamp >= last.timestamp, "time steps back at {}", event.position);
        }
        last = Some(event);
    }
}

//! Reading whole logs, and what must be true of any stretch of one.

use std::collections::HashMap;

use annals_core::{EventStore, Page, Position, Read, RecordedEvent, Sequence, StreamId};

/// Pages that a reader takes before it is considered to go round in circles.
const PAGES_MAX: usize = 10_000;

pub(crate) async fn read_page(store: &dyn EventStore, read: Read) -> Page {
    store.read(read).await.expect("a healthy store can be read")
}

/// Every event `read` selects, gathered page by page, continuing after `through`.
pub(crate) async fn read_pages(store: &dyn EventStore, read: Read) -> Vec<RecordedEvent> {
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
pub(crate) async fn read_log(store: &dyn EventStore) -> Vec<RecordedEvent> {
    let events = read_pages(store, Read::all()).await;
    assert_gap_free(&events);
    events
}

/// The events of one stream, in full.
pub(crate) async fn read_stream(store: &dyn EventStore, stream: &StreamId) -> Vec<RecordedEvent> {
    read_pages(store, Read::stream(stream.clone(), Sequence::ZERO)).await
}

pub(crate) async fn head(store: &dyn EventStore) -> Position {
    store.head().await.expect("a healthy store knows its head")
}

/// The first part of G3 and all of G4, for a log read from its beginning.
pub(crate) fn assert_gap_free(events: &[RecordedEvent]) {
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

/// All that is promised of a page, given the whole log, which nobody writes to meanwhile.
pub(crate) fn assert_page(log: &[RecordedEvent], read: &Read, page: &Page) {
    let head = log.last().map_or(Position::ZERO, |event| event.position);
    let (after, end) = (read.after_position(), read.up_to_position().min(head));
    assert!(page.events.len() <= read.limit_events(), "more than its limit: {read:?}");
    assert!(page.through >= after, "{read:?} steps back to {}", page.through);
    assert!(page.through <= end.max(after), "{read:?} goes beyond its end: {}", page.through);
    let stretch = log.iter().filter(|event| {
        event.position > after && event.position <= page.through && read.selection().contains(event)
    });
    assert!(
        page.events.iter().eq(stretch),
        "{read:?} is not what it selects up to {}: {:?}",
        page.through,
        page.events.iter().map(|event| event.position).collect::<Vec<_>>()
    );
    assert_eq!(page.has_more, page.through < end, "has_more is wrong for {read:?}");
    assert!(page.through > after || !page.has_more, "{read:?} makes no progress");
}

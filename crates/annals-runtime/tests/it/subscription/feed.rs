//! Logs to subscribe to.

use annals_core::{
    Append, AppendCondition, Checkpoint, EventQuery, EventStore, EventType, Json, NewEvent,
    Position, QueryItem, Read, RecordedEvent, StreamId, codec,
};

use crate::domain::Event;

const APPEND_EVENTS: usize = annals_core::limits::APPEND_EVENTS_MAX;

/// Selects what [`append_kinds`] was told to write as wanted.
pub(crate) fn wanted() -> EventQuery {
    let item = QueryItem::new().event_type(EventType::new("deposited").unwrap());
    EventQuery::any_of([item]).unwrap()
}

/// Appends `count` events; whether the one at position n is wanted says `is_wanted`.
pub(crate) async fn append_kinds(
    store: &dyn EventStore,
    count: usize,
    is_wanted: impl Fn(u64) -> bool,
) {
    let first = store.head().await.unwrap().get() + 1;
    let events: Vec<_> = (first..first + count as u64)
        .map(|n| {
            let stream = StreamId::new("account", (n % 5).to_string()).unwrap();
            if is_wanted(n) {
                let amount = i64::try_from(n).unwrap();
                codec::encode(&stream, &Event::Deposited { amount }, &Json::empty_object()).unwrap()
            } else {
                let event_type = EventType::new("ignored").unwrap();
                NewEvent::new(stream, event_type, 1, Json::empty_object()).unwrap()
            }
        })
        .collect();
    for events in events.chunks(APPEND_EVENTS) {
        append(store, events.to_vec()).await;
    }
}

/// Appends an event that is wanted and does not decode.
pub(crate) async fn append_strange(store: &dyn EventStore) {
    let stream = StreamId::new("account", "1").unwrap();
    let event_type = EventType::new("deposited").unwrap();
    append(store, vec![NewEvent::new(stream, event_type, 9, Json::empty_object()).unwrap()]).await;
}

async fn append(store: &dyn EventStore, events: Vec<NewEvent>) {
    let append = Append::new(events, AppendCondition::default(), None).unwrap();
    let _ = store.append(append).await.unwrap();
}

/// The checkpoint at `position`.
pub(crate) async fn place(store: &dyn EventStore, position: Position) -> Checkpoint {
    let page = store.read(Read::all().after(position.before()).limit(1)).await.unwrap();
    match page.events.first() {
        Some(event) if position > Position::ZERO => {
            assert_eq!(event.position, position);
            Checkpoint { position, event_id: Some(event.event_id) }
        }
        _ => Checkpoint::START,
    }
}

pub(crate) fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position.get()).collect()
}

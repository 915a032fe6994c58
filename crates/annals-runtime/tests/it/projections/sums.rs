//! What is projected: the sum of what was added, for each stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use annals_core::{
    Append, AppendCondition, BoxError, DocumentList, DocumentOrder, DocumentReader, DocumentSet,
    Documents, DomainEvent as _, EventEnvelope, EventStore, EventType, Json, NewEvent, Read,
    ReadModelsError, RecordedEvent, StreamId, codec,
};
use annals_derive::DomainEvent;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(super) enum Event {
    Added {
        #[serde(deserialize_with = "read_amount")]
        amount: i64,
    },
}

/// Reading an event with this amount panics.
pub(super) const UNREADABLE: i64 = -999;

fn read_amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(deserializer)?;
    assert_ne!(amount, UNREADABLE, "an event that cannot be read");
    Ok(amount)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) sum: i64,
    pub(super) count: u64,
}

/// Sums, by aggregate id. Negative amounts are bad events, for as long as the code is wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) accepts_all: Arc<AtomicBool>,
    /// Panics instead of returning an error.
    pub(super) panics: Arc<AtomicBool>,
    /// The same, but in the transaction of the read database.
    pub(super) panics_late: Arc<AtomicBool>,
    /// Added to each sum by mistake.
    pub(super) mistake: Arc<AtomicI64>,
}

impl Sums {
    pub(super) const NAME: &'static str = "sums";
}

impl Documents for Sums {
    const NAME: &'static str = Sums::NAME;
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 4;
    type Event = Event;
    type Document = Sum;

    fn keys(&self, event: &EventEnvelope<Event>) -> Vec<String> {
        let Event::Added { amount } = event.event;
        assert!(amount >= 0 || !self.panics.load(Ordering::Relaxed), "a bad event");
        vec![event.stream.aggregate_id().to_owned()]
    }

    fn apply(
        &self,
        event: &EventEnvelope<Event>,
        documents: &mut DocumentSet<Sum>,
    ) -> Result<(), BoxError> {
        let Event::Added { amount } = event.event;
        assert!(amount >= 0 || !self.panics_late.load(Ordering::Relaxed), "a bad event");
        if amount < 0 && !self.accepts_all.load(Ordering::Relaxed) {
            return Err(format!("{amount} is negative").into());
        }
        let key = event.stream.aggregate_id();
        let Sum { sum, count } = documents.find(key).copied().unwrap_or_default();
        let sum = sum + amount + self.mistake.load(Ordering::Relaxed);
        documents.put(key, Sum { sum, count: count + 1 })?;
        Ok(())
    }
}

fn stream(id: &str) -> StreamId {
    StreamId::new("counter", id).unwrap()
}

pub(super) async fn append(store: &dyn EventStore, amounts: &[(&str, i64)]) {
    for (id, amount) in amounts {
        let event = Event::Added { amount: *amount };
        let event = codec::encode(&stream(id), &event, &Json::empty_object()).unwrap();
        write(store, event).await;
    }
}

/// Appends events with payloads of about so many bytes.
pub(super) async fn append_long(store: &dyn EventStore, id: &str, count: usize, bytes: usize) {
    let padding = "x".repeat(bytes);
    let payload = serde_json::json!({ "amount": 1, "padding": padding });
    let payload = Json::write("payload", &payload, 2 * bytes).unwrap();
    for _ in 0..count {
        let event_type = EventType::new("added").unwrap();
        let event = NewEvent::new(stream(id), event_type, 1, payload.clone());
        write(store, event.unwrap()).await;
    }
}

/// Appends events that no projection here asks for.
pub(super) async fn append_ignored(store: &dyn EventStore, count: usize) {
    for _ in 0..count {
        let event_type = EventType::new("ignored").unwrap();
        let event = NewEvent::new(stream("ignored"), event_type, 1, Json::empty_object());
        write(store, event.unwrap()).await;
    }
}

async fn write(store: &dyn EventStore, event: NewEvent) {
    let append = Append::new(vec![event], AppendCondition::default(), None).unwrap();
    let _ = store.append(append).await.unwrap();
}

/// All events of the log.
pub(super) async fn log(store: &dyn EventStore) -> Vec<RecordedEvent> {
    let (mut events, mut read) = (Vec::new(), Read::all());
    loop {
        let page = store.read(read.clone()).await.unwrap();
        events.extend(page.events);
        if !page.has_more {
            return events;
        }
        read = read.after(page.through);
    }
}

/// What the read model must hold.
pub(super) async fn fold(store: &dyn EventStore) -> BTreeMap<String, Sum> {
    let mut sums = BTreeMap::<String, Sum>::new();
    for event in log(store).await {
        if Event::find_kind(event.event_type.as_str()).is_none() {
            continue;
        }
        let Event::Added { amount } = codec::decode(&event).unwrap();
        let sum = sums.entry(event.stream.aggregate_id().to_owned()).or_default();
        (sum.sum, sum.count) = (sum.sum + amount, sum.count + 1);
    }
    sums
}

/// What the read model holds.
pub(super) async fn sums_in(models: &impl DocumentReader) -> BTreeMap<String, Sum> {
    let (mut sums, mut after) = (BTreeMap::new(), None);
    loop {
        let list = DocumentList {
            projection: Sums::NAME.to_owned(),
            order: DocumentOrder::Key { prefix: String::new(), after },
            is_descending: false,
            limit: 100,
        };
        let page = match models.list_documents(list).await {
            Ok(seen) => seen.value,
            Err(ReadModelsError::NotFound { .. }) => Vec::new(),
            Err(error) => panic!("{error:?}"),
        };
        let Some(last) = page.last() else { return sums };
        after = Some(last.key.clone());
        sums.extend(page.into_iter().map(|one| (one.key, one.document.read().unwrap())));
    }
}

/// The next version of the sums: the same rows.
#[derive(Debug)]
pub(super) struct NewSums(pub(super) Sums);

impl Documents for NewSums {
    const NAME: &'static str = Sums::NAME;
    const VERSION: u32 = 2;
    const PARTITIONS: u16 = 4;
    type Event = Event;
    type Document = Sum;

    fn keys(&self, event: &EventEnvelope<Event>) -> Vec<String> {
        self.0.keys(event)
    }

    fn apply(
        &self,
        event: &EventEnvelope<Event>,
        documents: &mut DocumentSet<Sum>,
    ) -> Result<(), BoxError> {
        self.0.apply(event, documents)
    }
}

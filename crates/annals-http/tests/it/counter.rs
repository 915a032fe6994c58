//! What the service is about: counters that are counted up, up to a bound.

use annals_core::{
    Aggregate, Append, AppendCondition, BoxError, DocumentSet, Documents, EventEnvelope,
    EventStore, Json, StreamId, codec,
};
use annals_derive::DomainEvent;
use annals_http::{Fault, Kind, Refusal};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counter {
    pub(crate) count: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct CountUp(pub(crate) u64);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum CounterEvent {
    CountedUp {
        by: u64,
        /// Makes an event as large as a test needs it.
        note: String,
    },
    CountedALot {
        by: u64,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("the counter goes up to {COUNT_MAX}")]
pub(crate) struct TooHigh;

pub(crate) const COUNT_MAX: u64 = 1_000;

impl Refusal for TooHigh {
    fn kind(&self) -> Kind {
        Kind::new("urn:test:too_high", StatusCode::CONFLICT, "The counter would be too high")
    }

    fn faults(&self) -> Vec<Fault> {
        vec![Fault::new("/by", "too much")]
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Id = String;
    type Command = CountUp;
    type Event = CounterEvent;
    type Error = TooHigh;
    type Services = ();

    fn handle(&self, CountUp(by): CountUp, (): &()) -> Result<Vec<CounterEvent>, TooHigh> {
        match by {
            0 => Ok(Vec::new()),
            _ if self.count + by > COUNT_MAX => Err(TooHigh),
            100.. => Ok(vec![CounterEvent::CountedALot { by }]),
            _ => Ok(vec![CounterEvent::CountedUp { by, note: String::new() }]),
        }
    }

    fn apply(&mut self, event: &CounterEvent) {
        match event {
            CounterEvent::CountedUp { by, .. } | CounterEvent::CountedALot { by } => {
                self.count += by;
            }
        }
    }
}

/// A read model of the counters, as documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts;

/// Counting up by so much cannot be projected.
pub(crate) const UNPROJECTED: u64 = 13;

impl Documents for Counts {
    const NAME: &'static str = "counts";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 2;
    type Event = CounterEvent;
    type Document = u64;

    fn keys(&self, event: &EventEnvelope<CounterEvent>) -> Vec<String> {
        vec![event.stream.aggregate_id().to_owned()]
    }

    fn apply(
        &self,
        event: &EventEnvelope<CounterEvent>,
        documents: &mut DocumentSet<u64>,
    ) -> Result<(), BoxError> {
        let (CounterEvent::CountedUp { by, .. } | CounterEvent::CountedALot { by }) = event.event;
        if by == UNPROJECTED {
            return Err("thirteen is not counted".into());
        }
        let key = event.stream.aggregate_id();
        let count = documents.find(key).copied().unwrap_or_default();
        documents.put(key, count + by)?;
        Ok(())
    }
}

/// Writes events of any size past the rules.
pub(crate) async fn append(store: &dyn EventStore, id: &str, note: &str, count: usize) {
    let stream = StreamId::new(Counter::TYPE, id).unwrap();
    let event = CounterEvent::CountedUp { by: 1, note: note.to_owned() };
    for _ in 0..count {
        let event = codec::encode(&stream, &event, &Json::empty_object()).unwrap();
        let append = Append::new(vec![event], AppendCondition::default(), None).unwrap();
        let _ = store.append(append).await.unwrap();
    }
}

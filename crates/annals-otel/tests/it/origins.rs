//! Which events of a batch are told of: those whose traces are kept.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::telemetry::span::field;
use annals_core::{
    Append, AppendCondition, BoxError, ConsistencyToken, DocumentProjection, DocumentSet,
    Documents, EventEnvelope, EventStore, MemoryStore, Metadata, StreamId, TraceContext, codec,
};
use annals_runtime::Projections;
use annals_testing::MemoryReadModels;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::tally::TallyEvent;

/// The links of spans, with the names of these.
#[derive(Debug, Clone, Default)]
struct Links(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Links {
    fn of(&self, span: &str) -> Vec<String> {
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter(|(name, _)| *name == span).map(|(_, link)| link.clone()).collect()
    }

    fn visitor(&self, span: &'static str) -> LinkVisitor<'_> {
        LinkVisitor { links: self, span }
    }
}

struct LinkVisitor<'a> {
    links: &'a Links,
    span: &'static str,
}

impl Visit for LinkVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == field::LINK {
            let mut links = self.links.0.lock().unwrap_or_else(PoisonError::into_inner);
            links.push((self.span, value.to_owned()));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Links {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.visitor(attributes.metadata().name()));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let name = context.span(id).unwrap().name();
        record.record(&mut self.visitor(name));
    }
}

/// How often each tally was raised.
#[derive(Debug, Clone)]
struct Raised;

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Times(u64);

impl Documents for Raised {
    const NAME: &'static str = "raised";
    const VERSION: u32 = 1;
    type Event = TallyEvent;
    type Document = Times;

    fn keys(&self, event: &EventEnvelope<TallyEvent>) -> Vec<String> {
        vec![event.stream.aggregate_id().to_owned()]
    }

    fn apply(
        &self,
        event: &EventEnvelope<TallyEvent>,
        documents: &mut DocumentSet<Times>,
    ) -> Result<(), BoxError> {
        let key = event.stream.aggregate_id();
        let Times(times) = documents.find(key).copied().unwrap_or_default();
        documents.put(key, Times(times + 1))?;
        Ok(())
    }
}

fn traceparent(number: u64, flags: &str) -> String {
    format!("00-{number:032x}-{number:016x}-{flags}")
}

/// Writes so many events, each with the trace of its number, if that has one.
async fn write(store: &dyn EventStore, events: u64, trace: impl Fn(u64) -> Option<String>) {
    let stream = StreamId::new("tally", "a").unwrap();
    for number in 1..=events {
        let trace = trace(number).map(|it| TraceContext::new(it).unwrap());
        let metadata = Metadata { trace, ..Metadata::default() }.to_json().unwrap();
        let event = codec::encode(&stream, &TallyEvent::Raised, &metadata).unwrap();
        let append = Append::new(vec![event], AppendCondition::default(), None).unwrap();
        let _ = store.append(append).await.unwrap();
    }
}

/// The links of all spans while a read model that serves takes up what is written.
async fn links(store: Arc<dyn EventStore>, write: impl Future<Output = ()>) -> Links {
    let links = Links::default();
    let _listening =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(links.clone()));
    let projections = Projections::new(store.clone(), Arc::new(MemoryReadModels::new()))
        .with(DocumentProjection(Raised));
    let visibility = projections.visibility().clone();
    let (end, ended) = oneshot::channel::<()>();
    let running = projections.run(async {
        let _ = ended.await;
    });
    let caught_up = async || {
        let position = store.head().await.unwrap();
        let token = ConsistencyToken { log_id: store.log_id(), position };
        let within = Duration::from_secs(60);
        // Nothing serves before the first build is complete.
        while visibility.wait_for(Raised::NAME, token, within).await.is_err() {
            tokio::time::advance(Duration::from_millis(20)).await;
        }
    };
    let working = async {
        caught_up().await;
        write.await;
        caught_up().await;
        let _ = end.send(());
    };
    tokio::join!(running, working).0.unwrap();
    links
}

#[tokio::test(start_paused = true)]
async fn in_a_large_batch_the_events_of_kept_traces_have_spans_and_no_others() {
    let store = Arc::new(MemoryStore::new());
    let write = write(&*store, 1_000, |number| match number {
        7 | 990 => Some(traceparent(number, "01")),
        8 | 991 => Some(traceparent(number, "00")),
        _ => None,
    });
    let links = links(store.clone(), write).await;
    let kept = [7, 990].map(|number| traceparent(number, "01"));
    assert_eq!(links.of("project"), kept);
    assert_eq!(links.of("process"), kept);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_as_many_links_as_a_span_may_have() {
    let store = Arc::new(MemoryStore::new());
    let write = write(&*store, 200, |number| Some(traceparent(number, "01")));
    let links = links(store.clone(), write).await;
    let first: Vec<_> = (1..=128).map(|number| traceparent(number, "01")).collect();
    assert_eq!(links.of("project"), first);
    assert_eq!(links.of("process"), first);
}

/// What led to it happened long ago, and there may be millions.
#[tokio::test(start_paused = true)]
async fn a_read_model_that_is_built_goes_on_with_no_trace() {
    let store = Arc::new(MemoryStore::new());
    write(&*store, 20, |number| Some(traceparent(number, "01"))).await;
    let links = links(store.clone(), async {}).await;
    assert_eq!(links.of("project"), [""; 0]);
    assert_eq!(links.of("process"), [""; 0]);
}

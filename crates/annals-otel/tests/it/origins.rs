//! Which events of a batch are told of: those whose traces are kept.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Append, AppendCondition, BoxError, Clock, ConsistencyToken, DocumentProjection, DocumentSet,
    Documents, EventEnvelope, EventStore, MemoryStore, Metadata, StreamId, SystemClock,
    TraceContext, codec,
};
use annals_runtime::Projections;
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::spans::Spans;
use crate::tally::TallyEvent;

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

/// The spans while a read model that serves takes up what is written.
async fn projected(store: Arc<dyn EventStore>, write: impl Future<Output = ()>) -> Spans {
    let (spans, _watching) = Spans::watch();
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
    spans
}

#[tokio::test(start_paused = true)]
async fn in_a_large_batch_the_events_of_kept_traces_have_spans_and_no_others() {
    let store = Arc::new(MemoryStore::new());
    let write = write(&*store, 1_000, |number| match number {
        7 | 990 => Some(traceparent(number, "01")),
        8 | 991 => Some(traceparent(number, "00")),
        _ => None,
    });
    let spans = projected(store.clone(), write).await;
    let kept = [7, 990].map(|number| traceparent(number, "01"));
    assert_eq!(spans.links("project"), kept);
    assert_eq!(spans.links("process"), kept);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_as_many_links_as_a_span_may_have() {
    let store = Arc::new(MemoryStore::new());
    let write = write(&*store, 200, |number| Some(traceparent(number, "01")));
    let spans = projected(store.clone(), write).await;
    let first: Vec<_> = (1..=128).map(|number| traceparent(number, "01")).collect();
    assert_eq!(spans.links("project"), first);
    assert_eq!(spans.links("process"), first);
}

/// There may be millions of them when a read model is built.
#[tokio::test(start_paused = true)]
async fn what_is_projected_of_long_ago_goes_on_with_no_trace() {
    for (minutes, followed) in [(11, vec![]), (9, vec![traceparent(1, "01")])] {
        let then = SystemClock.now() - TimeDelta::minutes(minutes);
        let store = Arc::new(MemoryStore::with_clock(Arc::new(ManualClock::new(then))));
        write(&*store, 1, |number| Some(traceparent(number, "01"))).await;
        let spans = projected(store.clone(), async {}).await;
        assert_eq!(spans.links("project"), followed);
        assert_eq!(spans.links("process"), followed);
    }
}

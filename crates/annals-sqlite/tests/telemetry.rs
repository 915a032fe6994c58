//! What a batch tells about itself. A process of its own, because the writer is a thread, and only
//! what listens to a whole process hears it.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what it uses too")]

use std::sync::{Arc, Mutex};

use annals_core::telemetry::{self, Labels, Metric, TARGET, Telemetry, attribute, metric, span};
use annals_core::{
    Append, AppendCondition, EventStore, EventType, Json, NewEvent, StreamId, TraceContext,
};
use annals_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::span::{Attributes, Id};
use tracing::{Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

static MEASURED: Mutex<Vec<(&'static str, f64)>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Remembering;

impl Telemetry for Remembering {
    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        if labels.contains(&(attribute::DB_SYSTEM, "sqlite")) {
            MEASURED.lock().unwrap().push((metric.name, value));
        }
    }

    fn current_trace(&self) -> Option<TraceContext> {
        None
    }
}

fn measured(metric: &Metric) -> Vec<f64> {
    let measured = MEASURED.lock().unwrap();
    measured.iter().filter(|(name, _)| *name == metric.name).map(|(_, value)| *value).collect()
}

/// A batch, and the names of the spans that it is linked to.
type Linked = (Id, Vec<&'static str>);

#[derive(Debug, Clone)]
struct Batches {
    linked: Arc<Mutex<Vec<Linked>>>,
    /// Told when one begins.
    begun: UnboundedSender<()>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Batches {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == span::WRITE_BATCH.name {
            self.linked.lock().unwrap().push((id.clone(), Vec::new()));
            self.begun.send(()).unwrap();
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let mut linked = self.linked.lock().unwrap();
        if let Some((_, links)) = linked.iter_mut().rfind(|(batch, _)| batch == id) {
            links.push(context.metadata(follows).unwrap().name());
        }
    }
}

fn append_to(name: &str) -> Append {
    let event = || {
        let (stream, happened) = (StreamId::new("account", name), EventType::new("happened"));
        let payload = Json::parse("payload", "{}", 10).unwrap();
        NewEvent::new(stream.unwrap(), happened.unwrap(), 1, payload).unwrap()
    };
    Append::new(vec![event(), event()], AppendCondition::default(), None).unwrap()
}

#[tokio::test]
async fn a_batch_is_linked_to_each_append_in_it_and_measured_once() {
    let (begun, mut begins) = unbounded_channel();
    let batches = Batches { linked: Arc::default(), begun };
    let subscriber = tracing_subscriber::registry().with(batches.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    telemetry::install(Remembering).unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("log.db");
    let store = Arc::new(SqliteStore::open(&file).unwrap());
    let append = |name: &str| {
        let span = tracing::info_span!(target: TARGET, span::APPEND.name);
        let (store, append) = (Arc::clone(&store), append_to(name));
        tokio::spawn(async move { store.append(append).await }.instrument(span))
    };

    // Nobody can write until all of the second batch are waiting.
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = append("first");
    begins.recv().await.unwrap();
    let rest = ["1", "2", "3", "4", "5"].map(append);
    // Each task is polled, and by that queued, before this one is again.
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    for appending in [first].into_iter().chain(rest) {
        let _ = appending.await.unwrap().unwrap();
    }
    // Only when the writer has ended is the last batch measured for certain.
    drop(store);

    let linked = batches.linked.lock().unwrap();
    let links: Vec<_> = linked.iter().map(|(_, links)| links.as_slice()).collect();
    assert_eq!(links, [&[span::APPEND.name][..], &[span::APPEND.name; 5]]);
    assert_eq!(measured(&metric::BATCH_APPENDS), [1.0, 5.0]);
    assert_eq!(measured(&metric::BATCH_EVENTS), [2.0, 10.0]);
    assert_eq!(measured(&metric::QUEUE_DEPTH), [0.0, 0.0]);
    for metric in [&metric::QUEUE_WAIT, &metric::BATCH_DURATION, &metric::FLUSH_DURATION] {
        let seconds = measured(metric);
        assert!(seconds.len() == 2 && seconds.iter().all(|it| *it > 0.0), "{metric:?} {seconds:?}");
    }
}

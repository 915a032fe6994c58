//! What a batch tells about itself.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use annals_core::telemetry::{self, Labels, Metric, TARGET, Telemetry, attribute, metric, span};
use annals_core::{AppendCondition, EventStore, TraceContext};
use annals_postgres::PostgresStore;
use futures_util::future::join_all;
use tracing::span::{Attributes, Id};
use tracing::{Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::database::Database;
use crate::load::{append, event};

thread_local! {
    /// What was measured on this thread.
    static MEASURED: RefCell<Vec<(&'static str, f64)>> = const { RefCell::new(Vec::new()) };
}

/// Remembers a measurement for the thread on which it was taken: other tests have others.
#[derive(Debug)]
struct Remembering;

impl Telemetry for Remembering {
    fn measure(&self, metric: &'static Metric, value: f64, labels: Labels<'_>) {
        if labels.contains(&(attribute::DB_SYSTEM, "postgresql")) {
            MEASURED.with_borrow_mut(|measured| measured.push((metric.name, value)));
        }
    }

    fn current_trace(&self) -> Option<TraceContext> {
        None
    }
}

fn measured(metric: &Metric) -> Vec<f64> {
    let is_meant = |it: &&(&str, f64)| it.0 == metric.name;
    MEASURED.with_borrow(|all| all.iter().filter(is_meant).map(|(_, value)| *value).collect())
}

/// A batch, and the names of the spans that it is linked to.
type Linked = (Id, Vec<&'static str>);

#[derive(Debug, Clone, Default)]
struct Batches(Arc<Mutex<Vec<Linked>>>);

impl Batches {
    fn lock(&self) -> MutexGuard<'_, Vec<Linked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Batches {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == span::WRITE_BATCH.name {
            self.lock().push((id.clone(), Vec::new()));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        if let Some((_, links)) = self.lock().iter_mut().rfind(|(batch, _)| batch == id) {
            links.push(context.metadata(follows).expect("it is a span of ours").name());
        }
    }
}

#[test]
fn a_batch_is_linked_to_each_append_in_it_and_measured_once() {
    const APPENDS: usize = 5;
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| telemetry::install(Remembering).expect("nobody else listens"));
    let batches = Batches::default();
    let subscriber = tracing_subscriber::registry().with(batches.clone());
    let _watching = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        let database = Database::with_log().await;
        let store = PostgresStore::open(database.application_options()).await;
        let store = store.expect("the log can be opened");
        MEASURED.take();
        let appends = (0..APPENDS).map(|number| {
            let span = tracing::info_span!(target: TARGET, span::APPEND.name);
            let events = vec![event(&number.to_string(), "1"), event(&number.to_string(), "2")];
            store.append(append(events, AppendCondition::default(), None)).instrument(span)
        });
        for appended in join_all(appends).await {
            let _ = appended.expect("it holds always");
        }
    });
    let links: Vec<_> = batches.lock().iter().map(|(_, links)| links.clone()).collect();
    assert_eq!(links, [[span::APPEND.name; APPENDS]]);
    assert_eq!(measured(&metric::BATCH_APPENDS), [5.0]);
    assert_eq!(measured(&metric::BATCH_EVENTS), [10.0]);
    assert_eq!(measured(&metric::QUEUE_DEPTH), [0.0]);
    for metric in [&metric::QUEUE_WAIT, &metric::BATCH_DURATION, &metric::FLUSH_DURATION] {
        let seconds = measured(metric);
        assert!(seconds.len() == 1 && seconds[0] > 0.0, "{}: {seconds:?}", metric.name);
    }
}

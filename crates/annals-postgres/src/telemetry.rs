//! What the sequencer and the pools tell about themselves.

use annals_core::Position;
use annals_core::telemetry::span::{Role, field};
use annals_core::telemetry::{SPAN_LINKS_MAX, Stopwatch, TARGET, attribute, metric, span};
use tracing::Span;
use tracing::field::Empty;

/// The database, as the conventions name it.
const SYSTEM: (attribute::Attribute, &str) = (attribute::DB_SYSTEM, "postgresql");

/// Where an append comes from, and since when it waits.
#[derive(Debug)]
pub(crate) struct Origin {
    span: Span,
    waiting: Stopwatch,
}

impl Origin {
    pub(crate) fn here() -> Self {
        Self { span: Span::current(), waiting: Stopwatch::start() }
    }
}

/// A batch that is being written.
#[derive(Debug)]
pub(crate) struct WritingBatch {
    pub(crate) span: Span,
    watch: Stopwatch,
}

impl WritingBatch {
    /// A batch of these appends, oldest first, with so many events; so many appends stay waiting.
    pub(crate) fn begin<'a>(
        origins: impl ExactSizeIterator<Item = &'a Origin>,
        events: usize,
        left: usize,
    ) -> Self {
        let appends = origins.len();
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            span::WRITE_BATCH.name,
            { field::KIND } = Role::Client.as_str(),
            { attribute::DB_SYSTEM.name } = SYSTEM.1,
            { attribute::DB_OPERATION.name } = "append",
            { attribute::DB_BATCH_SIZE.name } = appends,
            { attribute::APPEND_COUNT.name } = appends,
            { attribute::EVENT_COUNT.name } = events,
            { attribute::POSITION.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        for (index, origin) in origins.take(SPAN_LINKS_MAX).enumerate() {
            if index == 0 {
                origin.waiting.stop(&metric::QUEUE_WAIT, &[SYSTEM]);
            }
            span.follows_from(&origin.span);
        }
        metric::BATCH_APPENDS.count(appends as u64, &[SYSTEM]);
        metric::BATCH_EVENTS.count(events as u64, &[SYSTEM]);
        metric::QUEUE_DEPTH.count(left as u64, &[SYSTEM]);
        Self { span, watch: Stopwatch::start() }
    }

    /// It has ended, and so does the log as far as is known here.
    pub(crate) fn ended(&self, head: Position, error_type: Option<&'static str>) {
        self.span.record(attribute::POSITION.name, head.get());
        if let Some(error_type) = error_type {
            self.span.record(attribute::ERROR_TYPE.name, error_type);
            self.span.record(field::STATUS, "error");
        }
        self.watch.stop(&metric::BATCH_DURATION, &[SYSTEM]);
    }
}

/// Notes how long a connection was waited for, and how many there are.
pub(crate) fn lent(watch: &Stopwatch, pool: &'static str) {
    watch.stop(&metric::POOL_WAIT, &[SYSTEM, (attribute::DB_POOL, pool)]);
}

/// Notes how many connections of a pool are in use and idle.
pub(crate) fn pool(pool: &'static str, used: usize, idle: usize) {
    let pool = (attribute::DB_POOL, pool);
    for (state, count) in [("used", used), ("idle", idle)] {
        let state = (attribute::DB_CONNECTION_STATE, state);
        metric::POOL_CONNECTIONS.count(count as u64, &[SYSTEM, pool, state]);
    }
}

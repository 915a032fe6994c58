//! The names of metrics.

use super::attribute::{self, Attribute};
use super::listener::{self, Labels};

/// Something that is measured.
#[derive(Debug, PartialEq)]
pub struct Metric {
    /// The name, as it is exported.
    pub name: &'static str,
    /// How measurements become a series.
    pub kind: Kind,
    /// The unit, by UCUM.
    pub unit: &'static str,
    /// What is measured.
    pub description: &'static str,
    /// What tells its series apart. Only attributes with few values.
    pub attributes: &'static [Attribute],
}

/// How measurements become a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// They are added up.
    Counter,
    /// The last one stands.
    Gauge,
    /// They are counted in buckets that end at these values.
    Histogram(&'static [f64]),
}

impl Metric {
    /// Takes a measurement. Costs next to nothing if nobody listens.
    pub fn measure(&'static self, value: f64, labels: Labels<'_>) {
        listener::measure(self, value, labels);
    }

    /// Takes a measurement of a count.
    #[expect(clippy::cast_precision_loss, reason = "a measurement needs no more than 52 bits")]
    pub fn count(&'static self, value: u64, labels: Labels<'_>) {
        listener::measure(self, value as f64, labels);
    }
}

/// Seconds, from what the page cache takes to what a caller still waits for: 50 us to 10 s, in
/// steps small enough for a percentile to mean something.
const SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
    2.0, 5.0, 10.0,
];

/// How many things go together: batches and pages, by their bounds.
const COUNTS: &[f64] =
    &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0];

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:expr, $unit:literal, [$($attribute:ident),*],
        $description:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $description)]
            pub static $constant: Metric = Metric {
                name: $name,
                kind: $kind,
                unit: $unit,
                description: $description,
                attributes: &[$(attribute::$attribute),*],
            };
        )*

        /// All of them, in the order of the reference.
        pub static ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    COMMAND_DURATION = "cqrs.command.duration", Kind::Histogram(SECONDS), "s",
        [COMMAND, AGGREGATE_TYPE, OUTCOME, ERROR_TYPE],
        "How long commands and decisions take, from their arrival to their answer. One whose \
        caller goes away before that is not counted.";
    COMMAND_CONFLICTS = "cqrs.command.conflicts", Kind::Counter, "{conflict}",
        [COMMAND, AGGREGATE_TYPE],
        "Appends refused because others were faster; each leads to another attempt or to giving \
        up.";
    APPEND_DURATION = "cqrs.append.duration", Kind::Histogram(SECONDS), "s",
        [OUTCOME, ERROR_TYPE],
        "How long appends take, as the application sees it, resending included.";
    APPEND_RESENT = "cqrs.append.resent", Kind::Counter, "{append}", [],
        "Appends that were sent again because their outcome was unknown.";
    LOAD_STATES = "cqrs.load.states", Kind::Counter, "{state}",
        [AGGREGATE_TYPE, STATE_SOURCE],
        "States that commands were decided on, by where they came from: hits and misses of the \
        cache.";
    LOAD_EVENTS = "cqrs.load.events", Kind::Histogram(COUNTS), "{event}", [AGGREGATE_TYPE],
        "Events that had to be applied to get a state that was not in memory.";
    BATCH_APPENDS = "cqrs.batch.appends", Kind::Histogram(COUNTS), "{append}", [DB_SYSTEM],
        "Appends in a batch of the store.";
    BATCH_EVENTS = "cqrs.batch.events", Kind::Histogram(COUNTS), "{event}", [DB_SYSTEM],
        "Events in a batch of the store.";
    BATCH_DURATION = "cqrs.batch.duration", Kind::Histogram(SECONDS), "s", [DB_SYSTEM],
        "How long a batch takes: its transaction, flush included.";
    FLUSH_DURATION = "cqrs.batch.flush.duration", Kind::Histogram(SECONDS), "s", [DB_SYSTEM],
        "How long the commit of a batch takes, most of which is the flush. On PostgreSQL from the \
        answer to what was sent before it, synchronous standbys included.";
    QUEUE_DEPTH = "cqrs.queue.depth", Kind::Gauge, "{append}", [DB_SYSTEM],
        "Appends left waiting when the last batch was taken from the queue.";
    QUEUE_WAIT = "cqrs.queue.wait", Kind::Histogram(SECONDS), "s", [DB_SYSTEM],
        "How long the oldest append of a batch had waited for its turn.";
    PROJECTION_LAG_TIME = "cqrs.projection.lag.time", Kind::Gauge, "s",
        [PROJECTION, GENERATION_STATE],
        "For how long the oldest event that the read model does not show has been in the log.";
    PROJECTION_LAG_EVENTS = "cqrs.projection.lag.events", Kind::Gauge, "{event}",
        [PROJECTION, GENERATION_STATE],
        "Events of the log that the projection still has to look at.";
    PROJECTION_DURATION = "cqrs.projection.duration", Kind::Histogram(SECONDS), "s",
        [PROJECTION, GENERATION_STATE, ERROR_TYPE],
        "How long the transaction of a batch takes in the read database.";
    PROJECTION_EVENTS = "cqrs.projection.events", Kind::Counter, "{event}",
        [PROJECTION, GENERATION_STATE],
        "Events projected and committed.";
    PROJECTION_ERRORS = "cqrs.projection.errors", Kind::Counter, "{error}",
        [PROJECTION, ERROR_TYPE],
        "What projections stumbled over; each is tried again.";
    DEAD_LETTERS = "cqrs.projection.dead_letters", Kind::Gauge, "{stream}",
        [PROJECTION, GENERATION_STATE],
        "Streams that stand still because one of their events could not be processed.";
    DEAD_LETTER_AGE = "cqrs.projection.dead_letter.age", Kind::Gauge, "s", [PROJECTION],
        "For how long the oldest of them has stood still.";
    WAKEUP_LATENCY = "cqrs.wakeup.latency", Kind::Histogram(SECONDS), "s", [PROJECTION],
        "From the time of an event to when a projection that waited for news has read it.";
    SAGA_INSTANCES = "cqrs.saga.instances", Kind::Gauge, "{instance}", [SAGA, SAGA_STATE],
        "Saga instances that have not ended, by how they stand; 1000 stands for more. Told by one \
        process for all, four times a minute.";
    SAGA_AGE = "cqrs.saga.age", Kind::Gauge, "s", [SAGA],
        "For how long the oldest instance has been under way that has not ended.";
    SAGA_STEP_DURATION = "cqrs.saga.step.duration", Kind::Histogram(SECONDS), "s",
        [SAGA, OUTCOME, ERROR_TYPE],
        "How long a step takes, all its attempts included.";
    TIMER_LATENESS = "cqrs.saga.timer.lateness", Kind::Histogram(SECONDS), "s", [SAGA],
        "How much later than due a timer was taken up.";
    HTTP_DURATION = "http.server.request.duration", Kind::Histogram(SECONDS), "s",
        [HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, URL_SCHEME, PROTOCOL_VERSION, ERROR_TYPE],
        "How long requests take until their answer begins. One whose caller goes away before that \
        is not counted.";
    POOL_CONNECTIONS = "db.client.connection.count", Kind::Gauge, "{connection}",
        [DB_SYSTEM, DB_POOL, DB_CONNECTION_STATE],
        "Connections of a pool, in use and idle.";
    POOL_WAIT = "db.client.connection.wait_time", Kind::Histogram(SECONDS), "s",
        [DB_SYSTEM, DB_POOL],
        "How long it takes to get a connection, a new one included.";
    DROPPED = "cqrs.telemetry.dropped", Kind::Counter, "{item}", [SIGNAL, ERROR_TYPE],
        "Spans, log records and exports of metrics that were lost: the queue was full \
        (`queue_full`), or the collector did not take them (`export_failed`).";
}

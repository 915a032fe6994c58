//! The names of spans.

use super::attribute::{self, Attribute};

/// A stretch of work that is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What its name begins with; a span may name the command or projection after it.
    pub name: &'static str,
    /// Its place between systems.
    pub role: Role,
    /// What it covers, and how it hangs together with others.
    pub description: &'static str,
    /// What it carries.
    pub attributes: &'static [Attribute],
}

/// The place of a span between systems, as OpenTelemetry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Work inside a process.
    Internal,
    /// The answer to somebody else's request.
    Server,
    /// A request to another system that is waited for.
    Client,
    /// The beginning of what somebody else goes on with later.
    Producer,
    /// What goes on with what somebody else has begun.
    Consumer,
}

impl Role {
    /// The text that the field [`field::KIND`] takes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// Fields of `tracing` spans that are not exported as attributes, but say what the span is.
pub mod field {
    /// The name of the exported span, where it is not that of the `tracing` span.
    pub const NAME: &str = "otel.name";
    /// The [`Role`](super::Role).
    pub const KIND: &str = "otel.kind";
    /// `error` for a span that failed.
    pub const STATUS: &str = "otel.status_code";
    /// The remote parent: a `traceparent`, then `;` and a `tracestate` if there is one.
    pub const PARENT: &str = "otel.parent";
    /// What came with the remote parent, in the form of the header `baggage`.
    pub const BAGGAGE: &str = "otel.baggage";
    /// The `traceparent` of another trace that this span goes on with.
    pub const LINK: &str = "otel.link";
}

macro_rules! spans {
    ($($constant:ident = $name:literal, $role:ident, [$($attribute:ident),*],
        $description:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $description)]
            pub const $constant: Span = Span {
                name: $name,
                role: Role::$role,
                description: $description,
                attributes: &[$(attribute::$attribute),*],
            };
        )*

        /// All of them, in the order of the reference.
        pub const ALL: &[Span] = &[$($constant),*];
    };
}

spans! {
    REQUEST = "request", Server,
        [HTTP_METHOD, HTTP_METHOD_ORIGINAL, HTTP_ROUTE, HTTP_STATUS, URL_PATH, URL_SCHEME,
            SERVER_ADDRESS, SERVER_PORT, PROTOCOL_VERSION, CORRELATION_ID, ERROR_TYPE],
        "An HTTP request until its answer begins; named by method and route. Child of the \
        `traceparent` it came with. Only an answer of 500 and above is an error. Neither the query \
        nor anything about the caller is told: both may be personal.";
    EXECUTE = "execute", Internal,
        [COMMAND, COMMAND_ID, AGGREGATE_TYPE, AGGREGATE_ID, OUTCOME, ATTEMPTS, EVENT_COUNT,
            SEQUENCE, POSITION, ERROR_TYPE],
        "A command from its arrival to its answer; named by the command. Its context goes into the \
        metadata of the events.";
    DECIDE = "decide", Internal,
        [COMMAND, COMMAND_ID, OUTCOME, ATTEMPTS, EVENT_COUNT, POSITION, ERROR_TYPE],
        "A decision across streams from its arrival to its answer; named by the decision.";
    LOAD = "load", Internal,
        [STATE_SOURCE, EVENT_COUNT, SEQUENCE, ERROR_TYPE],
        "Waiting for the aggregate's turn and getting its state, or reading on for a decision. \
        There is no span for an event that is applied.";
    HANDLE = "handle", Internal, [OUTCOME, EVENT_COUNT],
        "The pure rules of the domain.";
    APPEND = "append", Producer,
        [EVENT_COUNT, POSITION, OUTCOME, ERROR_TYPE],
        "From sending the events to the store until they are durable, resending included.";
    WAIT = "wait for read model", Internal, [PROJECTION, ERROR_TYPE],
        "Waiting until a read model shows what was written.";
    WRITE_BATCH = "write batch", Client,
        [DB_SYSTEM, DB_OPERATION, DB_BATCH_SIZE, APPEND_COUNT, EVENT_COUNT, POSITION, ERROR_TYPE],
        "One transaction of a store. It serves many, so it is a trace of its own, linked to the \
        `append` of each that travelled in it. There is none if none of those is traced.";
    PROJECT = "project", Consumer,
        [PROJECTION, GENERATION, GENERATION_STATE, EVENT_COUNT, POSITION, ERROR_TYPE],
        "A batch of events from reading to the commit of rows and checkpoint; named by the \
        projection. A trace of its own, linked to the commands that caused the events, as far as \
        their traces are kept: to 128 of them at most.";
    PROCESS = "process", Consumer,
        [PROJECTION, EVENT_TYPE, AGGREGATE_TYPE, AGGREGATE_ID, POSITION, ERROR_TYPE],
        "Projecting one event, inside `project`; linked to the span that executed the command, by \
        the context stored with the event. Only of events to which the batch is linked.";
    SAGA_INPUT = "saga input", Consumer, [SAGA, POSITION],
        "Taking an event of the log into the history of an instance; named by the saga. A trace of \
        its own, linked to the span that executed the command which has written the event.";
    SAGA_STEP = "saga step", Consumer,
        [SAGA, SAGA_ID, SAGA_STEP, OUTCOME, ERROR_TYPE],
        "A step of a saga; named by the saga. A trace of its own, linked to what led to it: the \
        event that was taken, or the step before. Where a timer or an operator did, or another \
        process goes on, it is linked to what the instance began with. The commands it dispatches \
        are its children.";
}

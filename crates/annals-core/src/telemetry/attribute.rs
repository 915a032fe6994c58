//! The names of attributes.

/// A name under which spans and measurements carry a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// The name, as it is exported.
    pub name: &'static str,
    /// What its values can be.
    pub values: Values,
    /// A value it could have.
    pub example: &'static str,
    /// What it says.
    pub description: &'static str,
}

/// What the values of an attribute can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Texts of the program, so there are few. Only such attributes may be on metrics, where each
    /// value costs a series.
    Few,
    /// As [`Values::Few`], and each of them is a whole number and exported as such.
    FewNumbers,
    /// Numbers, ids, texts from outside: on spans only.
    Many,
}

macro_rules! attributes {
    ($($constant:ident = $name:literal, $values:ident, $example:literal,
        $description:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $description)]
            pub const $constant: Attribute = Attribute {
                name: $name,
                values: Values::$values,
                example: $example,
                description: $description,
            };
        )*

        /// All of them, in the order of the reference.
        pub const ALL: &[Attribute] = &[$($constant),*];
    };
}

attributes! {
    AGGREGATE_TYPE = "cqrs.aggregate_type", Few, "account",
        "The type of the aggregate, as in its stream id.";
    AGGREGATE_ID = "cqrs.aggregate_id", Many, "1c8fd6a2-9d3b-4d4b-a1a4-cf6ef84bb3c0",
        "Which aggregate.";
    COMMAND = "cqrs.command", Few, "DepositMoney",
        "The kind of command, or of decision. Never its content.";
    COMMAND_ID = "cqrs.command_id", Many, "019e4b2c-7e0a-7c6f-8ac4-c5a3f9f0b111",
        "The id of the command, by which it is not executed twice.";
    CORRELATION_ID = "cqrs.correlation_id", Many, "019e4b2c-7e0a-7c6f-8ac4-c5a3f9f0b111",
        "The conversation, as in the metadata of the events.";
    OUTCOME = "cqrs.outcome", Few, "written",
        "What became of it: `written`, `unchanged` (nothing to do), `repeated` (the first outcome \
        was returned), `rejected` (a rule, or a condition of the caller, forbids it: no error), \
        `failed`. Of `handle` also `decided`, of `append` also `conflict`. Of the step of a saga: \
        `succeeded`, `rejected`, `cancelled`, `parked`, or `settled` if there was nothing to do.";
    ATTEMPTS = "cqrs.attempts", Many, "1",
        "How often it was decided. More than one means conflicts with other writers.";
    EVENT_COUNT = "cqrs.event_count", Many, "2",
        "How many events.";
    EVENT_TYPE = "cqrs.event_type", Many, "money_deposited",
        "The kind of event, as in the log.";
    SEQUENCE = "cqrs.sequence", Many, "17",
        "The sequence of the aggregate's last event.";
    POSITION = "cqrs.position", Many, "40213",
        "A place in the log: that of the last event concerned.";
    STATE_SOURCE = "cqrs.state_source", Few, "memory",
        "Where a state came from: `memory`, `snapshot` (and the events after it), `events`.";
    APPEND_COUNT = "cqrs.append_count", Many, "12",
        "How many appends travelled in the batch.";
    PROJECTION = "cqrs.projection", Few, "account_summary",
        "The name of the projection.";
    GENERATION = "cqrs.generation", Many, "account_summary-2",
        "Which build of its read model.";
    GENERATION_STATE = "cqrs.generation_state", Few, "serving",
        "What the build is for: `building`, `held`, `serving`, `retained`.";
    SAGA = "cqrs.saga", Few, "money_transfer",
        "The name of the saga.";
    SAGA_ID = "cqrs.saga_id", Many, "019e4b2c-7e0a-7c6f-8ac4-c5a3f9f0b111",
        "Which instance of it.";
    SAGA_STATE = "cqrs.saga_state", Few, "running",
        "How the instance stands: `running`, `completing`, `compensating`, `failing`, or `parked` \
        if it waits for an operator.";
    SAGA_STEP = "cqrs.saga_step", Many, "3",
        "Which step of the instance, counted from 1.";
    SIGNAL = "cqrs.signal", Few, "traces",
        "Which kind of telemetry: `traces`, `logs`, `metrics`.";
    ERROR_TYPE = "error.type", Few, "unavailable",
        "Why it failed, in a word. Absent if it did not.";
    DB_SYSTEM = "db.system.name", Few, "postgresql",
        "The database: `sqlite`, `postgresql`.";
    DB_OPERATION = "db.operation.name", Few, "append",
        "What is done in the database.";
    DB_BATCH_SIZE = "db.operation.batch.size", Many, "12",
        "How many operations are done at once: the appends of the batch.";
    DB_POOL = "db.client.connection.pool.name", Few, "primary",
        "Which pool of connections. To the log: `primary` and `replica` of PostgreSQL, \
        `log_readers` of SQLite. To read models: `workers`, `readers` and `builders` of \
        PostgreSQL, `queries` and `lookups` of SQLite.";
    DB_CONNECTION_STATE = "db.client.connection.state", Few, "used",
        "`used` or `idle`.";
    HTTP_METHOD = "http.request.method", Few, "POST",
        "The method of the request, `_OTHER` if it is none of the usual ones.";
    HTTP_METHOD_ORIGINAL = "http.request.method_original", Many, "BREW",
        "The method as it was sent, if it is none of the usual ones.";
    HTTP_ROUTE = "http.route", Few, "/accounts/{id}/deposits",
        "The route that matched, with names instead of ids.";
    HTTP_STATUS = "http.response.status_code", FewNumbers, "200",
        "The status of the answer.";
    URL_PATH = "url.path", Many, "/accounts/1/deposits",
        "The path of the request. Never its query.";
    URL_SCHEME = "url.scheme", Few, "http",
        "`http` or `https`.";
    SERVER_ADDRESS = "server.address", Many, "bank.example",
        "The host that was asked for.";
    SERVER_PORT = "server.port", Many, "443",
        "The port that was asked for, if the request names one.";
    PROTOCOL_VERSION = "network.protocol.version", Few, "1.1",
        "The version of HTTP that the request came by.";
}

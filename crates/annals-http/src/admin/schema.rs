//! The shapes of what the runtime tells as it is, for OpenAPI.
//!
//! The vocabulary does not know OpenAPI, so its types are described here once more. A test reads
//! real answers with these shapes, which take no other fields.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! shapes {
    ($(
        $(#[$docs:meta])*
        $name:ident as $schema:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty,)* }
    )*) => {
        $(
            $(#[$docs])*
            #[derive(Debug, Deserialize, ToSchema)]
            #[serde(deny_unknown_fields)]
            #[schema(as = $schema)]
            #[expect(dead_code, reason = "only described, and read in a test")]
            pub(super) struct $name { $($(#[$field_docs])* $field: $type,)* }
        )*
    };
}

pub(super) use shapes;

shapes! {
    /// Names a build of a projection's read model.
    GenerationKeySchema as GenerationKey {
        /// The projection.
        projection: String,
        /// Which build, 1 for the first.
        number: u32,
    }
    /// A build of a projection's read model.
    GenerationSchema as Generation {
        /// Which one.
        key: GenerationKeySchema,
        /// The version of the code that builds it.
        version: u32,
        /// How many partitions it has.
        partitions: u16,
        /// The log it is built from.
        log_id: Uuid,
        /// What it is for.
        state: GenerationStateSchema,
        /// When it was begun.
        created_at: DateTime<Utc>,
        /// How it compares with the one that serves, once that was looked at.
        comparison: Option<ComparisonSchema>,
    }
    /// How two generations compare, row by row.
    ComparisonSchema as Comparison {
        /// Where both were.
        position: u64,
        /// Their tables, by name.
        tables: Vec<TableComparisonSchema>,
    }
    /// How one table compares.
    TableComparisonSchema as TableComparison {
        /// Its name.
        table: String,
        /// Rows in the serving generation and in the other.
        rows: Vec<u64>,
        /// Digests over all rows of the serving generation and of the other.
        digests: Vec<String>,
        /// Primary keys of rows that differ, at most 100.
        differing_keys: Vec<String>,
    }
    /// A place in the log, and the event there.
    CheckpointSchema as Checkpoint {
        /// The place.
        position: u64,
        /// The event.
        event_id: Option<Uuid>,
    }
    /// How a partition is getting on.
    PartitionStatusSchema as PartitionStatus {
        /// Which one.
        partition: u16,
        /// How far it is.
        checkpoint: CheckpointSchema,
        /// Events applied since the generation was begun.
        applied: u64,
        /// When the checkpoint last moved.
        moved_at: Option<DateTime<Utc>>,
        /// Who works on it.
        worker: Option<Uuid>,
        /// Events per second, as its worker last measured them.
        events_per_second: f64,
        /// What its worker last stumbled over, until it gets on.
        last_error: Option<String>,
        /// Streams that stand still.
        dead_letters: u64,
        /// Events queued behind those.
        queued: u64,
    }
    /// How a generation of a projection is getting on.
    ProjectionStatusSchema as ProjectionStatus {
        /// Which one, and what it is for.
        generation: GenerationSchema,
        /// In a word.
        state: ProjectionStateSchema,
        /// All its partitions are at least this far.
        position: u64,
        /// Where the log ends.
        head: u64,
        /// Events of the log it still has to look at.
        lag_events: u64,
        /// For how long the oldest of these has been in the log, in seconds.
        lag_seconds: f64,
        /// Events per second of all its workers together.
        events_per_second: f64,
        /// How long it will take to get to the head, in seconds.
        seconds_left: Option<f64>,
        /// Streams that stand still because one of their events could not be processed.
        dead_letters: u64,
        /// Events queued behind those.
        queued: u64,
        /// What a worker last stumbled over, unless it has got on since.
        last_error: Option<String>,
        /// Its partitions, by number.
        partitions: Vec<PartitionStatusSchema>,
    }
    /// Names a stream.
    StreamIdSchema as StreamId {
        /// What kind of aggregate it is.
        aggregate_type: String,
        /// Which aggregate.
        aggregate_id: String,
    }
    /// An event that could not be processed.
    DeadLetterSchema as DeadLetter {
        /// Its name.
        id: Uuid,
        /// Which generation could not process it.
        generation: GenerationKeySchema,
        /// The partition of its stream.
        partition: u16,
        /// The stream that stands still.
        stream: StreamIdSchema,
        /// Which event: its place in the log.
        position: u64,
        /// What kind of event it is.
        event_type: String,
        /// Why it could not be processed.
        error: String,
        /// How often it was tried.
        attempts: u32,
        /// When it was parked.
        since: DateTime<Utc>,
        /// When it was last tried.
        last_attempt_at: DateTime<Utc>,
        /// Events of the stream that are queued behind it.
        queued: u64,
        /// What somebody asked to be done with it.
        request: Option<DeadLetterRequestSchema>,
        /// When the request to discard it was followed.
        discarded_at: Option<DateTime<Utc>>,
    }
}

/// What a generation is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GenerationState)]
pub(super) enum GenerationStateSchema {
    Building,
    Held,
    Serving,
    Retained,
}

/// How a generation is getting on, in a word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProjectionState)]
pub(super) enum ProjectionStateSchema {
    Stopped,
    Live,
    CatchingUp,
    Rebuilding,
    Held,
    Blocked,
}

/// What to do with a dead letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[schema(as = DeadLetterRequest)]
#[expect(dead_code, reason = "only described, and read in a test")]
pub(super) enum DeadLetterRequestSchema {
    /// Try it again.
    Retry {
        /// Who asks.
        by: String,
    },
    /// Leave the event out.
    Discard {
        /// Who asks.
        by: String,
        /// Why.
        why: String,
    },
}

//! Builds of a read model, and which of them serves.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::id::{LogId, WorkerId};
use crate::partition::Partition;
use crate::position::Position;
use crate::read_models::ReadModelsError;
use crate::store::BoxFuture;

/// Names a generation: a projection and how often it had been built before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GenerationKey {
    /// [`Projection::NAME`](crate::Projection::NAME).
    pub projection: String,
    /// 1 for the first build, never given twice.
    pub number: u32,
}

impl fmt::Display for GenerationKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} generation {}", self.projection, self.number)
    }
}

/// One build of a projection's read model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Which one.
    pub key: GenerationKey,
    /// [`Projection::VERSION`](crate::Projection::VERSION) of the code that builds it.
    pub version: u32,
    /// How many partitions it has. Fixed: the checkpoints are kept by partition.
    pub partitions: u16,
    /// The log it is built from.
    pub log_id: LogId,
    /// What it is for.
    pub state: GenerationState,
    /// When it was begun, by the clock of the read database.
    pub created_at: DateTime<Utc>,
    /// How it compares with the one that serves, once that was looked at.
    pub comparison: Option<Comparison>,
}

/// What a generation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// It is being built, and switched to once it has caught up.
    Building,
    /// It has caught up and differs from the one that serves: somebody must switch or retire it.
    Held,
    /// Queries are answered from it. At most one of a projection.
    Serving,
    /// It served before and is kept up to date, to go back to.
    Retained,
}

/// What becomes of a switch to a generation that is behind the one that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfBehind {
    /// It is refused: no query goes back in time.
    Refuse,
    /// It is done: the one that serves does not belong to the log any more, so that its position
    /// means nothing.
    Switch,
}

/// What a new generation is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGeneration {
    /// The log it will be built from.
    pub log_id: LogId,
}

/// The generation that answers queries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Serving {
    /// Which one.
    pub key: GenerationKey,
    /// The version of the code that builds it.
    pub version: u32,
    /// The log it is built from.
    pub log_id: LogId,
    /// All its partitions are at least this far.
    pub position: Position,
}

/// How a generation is getting on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenerationStatus {
    /// Which one.
    pub generation: Generation,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionStatus>,
}

/// How a partition is getting on, by the clock of the read database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartitionStatus {
    /// Which one.
    pub partition: Partition,
    /// How far it is.
    pub checkpoint: Checkpoint,
    /// Events applied since the generation was begun.
    pub applied: u64,
    /// When the checkpoint last moved.
    pub moved_at: Option<DateTime<Utc>>,
    /// Who works on it; `None` if nobody does, or whoever did has not been heard of for longer than
    /// the lease lasts.
    pub worker: Option<WorkerId>,
    /// Events per second, as its worker last measured them.
    pub events_per_second: f64,
    /// What its worker last stumbled over, until it gets on.
    pub last_error: Option<String>,
    /// Streams that stand still because one of their events could not be processed.
    pub dead_letters: u64,
    /// Events queued behind those.
    pub queued: u64,
}

/// How two generations compare, row by row, when both were at the same position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Where both were.
    pub position: Position,
    /// Their tables, by name.
    pub tables: Vec<TableComparison>,
}

impl Comparison {
    /// Whether all rows are the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(TableComparison::is_equal)
    }
}

/// How one table compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableComparison {
    /// Its name.
    pub table: String,
    /// Rows in the serving generation and in the other.
    pub rows: (u64, u64),
    /// Digests over all rows of the serving generation and of the other.
    pub digests: (String, String),
    /// Primary keys of rows that differ or are missing on one side, as text, at most 100.
    pub differing_keys: Vec<String>,
}

impl TableComparison {
    /// Whether all rows are the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.rows.0 == self.rows.1 && self.digests.0 == self.digests.1
    }
}

/// Which builds there are, and which serves. All changes are atomic and durable.
pub trait Generations: fmt::Debug + Send + Sync + 'static {
    /// All generations, by projection and number.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>>;

    /// The generation of `projection` that serves, if one does. One row by its key: cheap enough to
    /// be asked often.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>>;

    /// How a generation is getting on.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if there is none.
    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>>;

    /// Compares all tables of two generations of a projection, in one consistent view; `None` if
    /// they are not at the same position in it. Nobody is held up.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Refused`] if a table has no primary key or not the same columns.
    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>>;

    /// Keeps what came out of a comparison, and holds the generation if they differ.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Moved`] if it is not being built any more.
    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;

    /// Has `to` serve, and retains the one that does. Whoever queries sees one or the other.
    /// `if_behind` says what becomes of it where `to` is behind the one that serves.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Moved`] if `to` is behind the one that serves at this moment, and that is
    /// refused: try again when it has caught up, so that no query goes back in time.
    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;

    /// Removes a generation with its tables, checkpoints and dead letters.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Refused`] if it serves.
    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>>;
}

//! How projections are getting on.

use annals_core::{
    Clock, EventStore, Generation, GenerationState, GenerationStatus, PartitionStatus, Position,
    Read, ReadError,
};
use serde::Serialize;

/// How a generation of a projection is getting on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectionStatus {
    /// Which one, and what it is for.
    pub generation: Generation,
    /// In a word.
    pub state: ProjectionState,
    /// All its partitions are at least this far.
    pub position: Position,
    /// Where the log ends.
    pub head: Position,
    /// Events of the log it still has to look at.
    pub lag_events: u64,
    /// For how long the oldest of these has been in the log, in seconds.
    pub lag_seconds: f64,
    /// Events per second that its workers last measured, all together.
    pub events_per_second: f64,
    /// How long it will take to get to the head at that rate; `None` if it does not move.
    pub seconds_left: Option<f64>,
    /// Streams that stand still because one of their events could not be processed.
    pub dead_letters: u64,
    /// Events queued behind those.
    pub queued: u64,
    /// What a worker last stumbled over, unless it has got on since.
    pub last_error: Option<String>,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionStatus>,
}

/// How a generation is getting on, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionState {
    /// Nobody works on some of its partitions, though there is something to do or somebody was
    /// expected to.
    Stopped,
    /// It follows the log.
    Live,
    /// It serves or is retained, and is more than [`CATCHING_UP_SECONDS`] behind.
    CatchingUp,
    /// It is being built.
    Rebuilding,
    /// It was built, differs from the one that serves, and waits for somebody to switch or retire.
    Held,
    /// It follows the log, save for streams that stand still behind dead letters.
    Blocked,
}

/// How far behind a generation may be, in seconds, and still count as following the log.
///
/// Wake-ups take milliseconds; what takes longer than this is load or trouble.
pub const CATCHING_UP_SECONDS: f64 = 2.0;

impl ProjectionStatus {
    pub(super) async fn new(
        store: &dyn EventStore,
        clock: &dyn Clock,
        status: GenerationStatus,
    ) -> Result<Self, ReadError> {
        let GenerationStatus { generation, partitions } = status;
        let checkpoints = partitions.iter().map(|partition| partition.checkpoint.position);
        let position = checkpoints.min().unwrap_or_default();
        let head = store.head().await?;
        let lag_events = head.get().saturating_sub(position.get());
        let lag_seconds = match lag_events {
            0 => 0.0,
            _ => age_after(store, clock, position).await?,
        };
        let events_per_second: f64 = partitions.iter().map(|one| one.events_per_second).sum();
        let seconds_left = match lag_events {
            0 => Some(0.0),
            _ => (events_per_second > 0.0).then(|| as_f64(lag_events) / events_per_second),
        };
        let sum = |count: fn(&PartitionStatus) -> u64| partitions.iter().map(count).sum();
        let dead_letters = sum(|partition| partition.dead_letters);
        let state = match generation.state {
            _ if partitions.iter().any(|partition| partition.worker.is_none()) => {
                ProjectionState::Stopped
            }
            GenerationState::Building => ProjectionState::Rebuilding,
            GenerationState::Held => ProjectionState::Held,
            _ if dead_letters > 0 => ProjectionState::Blocked,
            _ if lag_seconds > CATCHING_UP_SECONDS => ProjectionState::CatchingUp,
            _ => ProjectionState::Live,
        };
        Ok(Self {
            state,
            position,
            head,
            lag_events,
            lag_seconds,
            events_per_second,
            seconds_left,
            dead_letters,
            queued: sum(|partition| partition.queued),
            last_error: partitions.iter().find_map(|partition| partition.last_error.clone()),
            generation,
            partitions,
        })
    }

    /// Whether queries can rely on it: it serves, somebody works on it, and it is no more than
    /// `lag_seconds_max` behind. Dead letters do not count, they concern their streams only.
    #[must_use]
    pub fn is_healthy(&self, lag_seconds_max: f64) -> bool {
        self.generation.state == GenerationState::Serving
            && self.state != ProjectionState::Stopped
            && self.lag_seconds <= lag_seconds_max
    }
}

/// How long the event after `position` has been in the log, in seconds.
async fn age_after(
    store: &dyn EventStore,
    clock: &dyn Clock,
    position: Position,
) -> Result<f64, ReadError> {
    let page = store.read(Read::all().after(position).limit(1)).await?;
    let Some(event) = page.events.first() else { return Ok(0.0) };
    let age = clock.now().signed_duration_since(event.timestamp);
    Ok(age.to_std().unwrap_or_default().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 52 bits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

//! Who works on which partition.

use std::fmt;
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::id::WorkerId;
use crate::partition::Partition;
use crate::read_models::{GenerationKey, ReadModelsError};
use crate::store::BoxFuture;

/// The right to be the only one that works on a partition, for a time.
///
/// The time is measured by the clock of the read database. Whoever was paused and does not know
/// that the time is over is stopped by the fencing token: it rises each time the partition changes
/// hands, and every write of a partition's checkpoint asks for the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of which generation.
    pub generation: GenerationKey,
    /// Which partition.
    pub partition: Partition,
    /// Whose it is.
    pub worker: WorkerId,
    /// Rises with each new owner.
    pub fencing_token: u64,
    /// How far the partition is.
    pub checkpoint: Checkpoint,
}

/// Asks for a fair share of a generation's partitions, and says how the worker is getting on.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Of which generation.
    pub generation: GenerationKey,
    /// Who asks.
    pub worker: WorkerId,
    /// How long the leases last if they are neither claimed again nor written with; also how long a
    /// worker counts that is not heard of.
    pub ttl: Duration,
    /// For whoever looks at the status.
    pub report: WorkerReport,
}

/// How a worker is getting on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerReport {
    /// Events per second, of late.
    pub events_per_second: f64,
    /// What it stumbled over, unless it has got on since.
    pub last_error: Option<String>,
}

/// Who works on which partition.
pub trait Leases: fmt::Debug + Send + Sync + 'static {
    /// Renews what the worker has, and brings it to its fair share: the partitions divided by the
    /// workers that were heard of lately, rounded up. It gives back what is more than that, and
    /// gets partitions that nobody has, or whose lease is over, as far as there are any. Returns
    /// what it has then, by number.
    ///
    /// A lease that was given back may be lost at once: the worker must not be writing meanwhile,
    /// or expect [`ApplyError::Fenced`](crate::ApplyError::Fenced).
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if the generation was retired.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Vec<Lease>, ReadModelsError>>;

    /// Gives back whatever the worker has, so that others need not wait until it is over. The
    /// worker does not count any more.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Unavailable`]; the leases then end by themselves.
    fn release(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;
}

//! The tables of one projection.

use std::sync::Arc;

use thiserror::Error;

use crate::append::BoxError;
use crate::checkpoint::Checkpoint;
use crate::event::EventType;
use crate::id::DeadLetterId;
use crate::position::Position;
use crate::projection::Projection;
use crate::read_models::{
    Generation, GenerationKey, Lease, NewGeneration, ReadModels, ReadModelsError,
};
use crate::store::BoxFuture;

/// A read database that knows how the changes of `P` become rows.
pub trait Hosts<P: Projection>: ReadModels {
    /// Begins a generation, with empty tables and all partitions at the start of the log.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Refused`] if another generation of the projection is being built or held.
    fn create(
        &self,
        projection: Arc<P>,
        new: NewGeneration,
    ) -> BoxFuture<'_, Result<Generation, ReadModelsError>>;

    /// Writes changes and moves the checkpoints, in one transaction.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; nothing was changed.
    fn apply(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>>;

    /// Writes the changes of events of a stream that stands still, and takes them off its queue, in
    /// one transaction. The checkpoint must have passed them already, or they would come again.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; nothing was changed. [`ApplyError::Fenced`] also if the letter does not
    /// stand as the drain says: the event is not on its queue (any more), or nobody asks to discard
    /// it.
    fn drain(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>>;

    /// Makes what queries need and building does not, such as indexes. Once the tables are filled;
    /// may be asked again.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    fn finish(
        &self,
        projection: Arc<P>,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;
}

/// How the partitions of one worker move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The partitions that move, all of one generation, each from the checkpoint its lease names.
    pub leases: Vec<Lease>,
    /// Where all of them are then.
    pub to: Checkpoint,
    /// How many events are applied, by place in `leases`.
    pub applied: Vec<u64>,
    /// Events on the way that are not applied, because their stream stands still.
    pub queued: Vec<QueuedEvent>,
}

/// An event of a stream that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// The dead letter it queues behind.
    pub letter: DeadLetterId,
    /// Its place in the log.
    pub position: Position,
    /// What kind of event it is, for when the letter comes to be about it.
    pub event_type: EventType,
}

/// How a stream that stands still gets on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// The right to its partition.
    pub lease: Lease,
    /// The dead letter it stands still for.
    pub letter: DeadLetterId,
    /// The last event that is taken off: the letter's own, or one queued behind it. If more are
    /// queued, the letter is about the next of them from then on, which it says has
    /// [not been tried](crate::DeadLetter::NOT_TRIED), and which is to be retried: whoever asked to
    /// discard the one before has not seen it. Otherwise the stream flows again, and the letter is
    /// gone.
    pub through: Position,
    /// How many events are applied.
    pub applied: u64,
    /// The letter's own event is left out: its request to discard it is followed, and the letter
    /// remembers it. What is left of the queue, if anything, gets a letter of its own, which is to
    /// be retried.
    pub is_discard: bool,
}

/// Changes were not written: one variant for each thing the worker can do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The lease is over, the checkpoint is not where it was, or the generation was retired. Claim
    /// again, and read on from there.
    #[error("the lease on the partition is over")]
    Fenced,
    /// The read database refuses the rows: a constraint, a value out of range, a statement that is
    /// wrong; or the projection's code for it panicked. The same changes will fail again; find the
    /// event they come from.
    #[error("the read database refuses the changes")]
    Rejected {
        /// What it said.
        #[source]
        source: BoxError,
    },
    /// The read database could not do it now. Try again later, with the same changes.
    #[error("the read database is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
}

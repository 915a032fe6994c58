//! The contract of a read database: what the runner of projections asks of it.
//!
//! A read database holds *generations*: builds of a projection's read model, each with tables of
//! its own. One generation of a projection serves; the others are being built or retained.
//!
//! The contract falls into small traits: [`Generations`] (which builds there are and which serves),
//! [`Leases`] (who works on which partition), [`DeadLetters`] (what could not be processed), and
//! [`Hosts`] (the tables of one projection). [`ReadModels`] is all but the last.

mod documents;
mod generation;
mod host;
mod lease;
mod letter;

use thiserror::Error;

pub use documents::{DocumentList, DocumentOrder, DocumentReader, ListedDocument, Seen};
pub use generation::{
    Comparison, Generation, GenerationKey, GenerationState, GenerationStatus, Generations,
    IfBehind, NewGeneration, PartitionStatus, Serving, TableComparison,
};
pub use host::{Advance, ApplyError, Drain, Hosts, QueuedEvent};
pub use lease::{Claim, Lease, Leases, WorkerReport};
pub use letter::{
    BlockedStream, DeadLetter, DeadLetterQuery, DeadLetterRequest, DeadLetters, NewDeadLetter,
};

use crate::append::BoxError;
use crate::checkpoint::CheckpointStore;

/// All that the runner of projections asks of a read database beyond tables.
pub trait ReadModels: Generations + Leases + DeadLetters + CheckpointStore {}

impl<D: Generations + Leases + DeadLetters + CheckpointStore + ?Sized> ReadModels for D {}

/// A read database did not do what it was asked for: one variant for each thing the caller can do
/// next. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadModelsError {
    /// The read database could not answer now. Try again later.
    #[error("the read database is unavailable")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// There is no such generation, dead letter or projection (any more). List what there is.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// Somebody else was faster, or things are not as the caller thinks. Look again.
    #[error("{what} has changed meanwhile")]
    Moved {
        /// What has changed.
        what: String,
    },
    /// It cannot be done in this state. The text says what must happen before.
    #[error("{reason}")]
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

impl ReadModelsError {
    /// The read database could not answer.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::Unavailable { source: source.into() }
    }
}

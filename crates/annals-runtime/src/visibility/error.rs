//! Why a read model does not show what was asked for.

use std::sync::Arc;

use annals_core::{ConsistencyToken, LogId, Position, ReadModelsError};
use thiserror::Error;

/// A read model is not as new as a token asks for: one variant for each thing the caller can do
/// next. The command the token came from is executed and durable all the same.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum WaitError {
    /// It did not get there in time. Ask again with the same token, or for older data without one;
    /// if it happens often, look at the projection's status: it lags, or nobody runs it.
    #[error("{projection} has reached position {reached}, {asked} was asked for")]
    TooLate {
        /// The projection.
        projection: String,
        /// What was asked for.
        asked: Position,
        /// How far it is.
        reached: Position,
    },
    /// The token is about another log than the one the read model is built from. Whoever presents
    /// it has mixed up two systems, or this one was set up anew since.
    #[error("{projection} is built from log {built_from}, the token is about log {asked}")]
    OtherLog {
        /// The projection.
        projection: String,
        /// The log of the token.
        asked: LogId,
        /// The log of the read model.
        built_from: LogId,
    },
    /// No generation of the projection served in all that time. Check the name; else it has not
    /// been built yet, or nobody runs it.
    #[error("no generation of {projection} serves")]
    NotServing {
        /// The projection.
        projection: String,
    },
    /// The read database could not say how far it is. Try again later.
    #[error("the read database does not say how far {projection} is")]
    ReadModels {
        /// The projection.
        projection: String,
        /// What it said the last time.
        #[source]
        source: Arc<ReadModelsError>,
    },
}

impl WaitError {
    pub(super) fn too_late(projection: &str, token: ConsistencyToken, reached: Position) -> Self {
        Self::TooLate { projection: projection.to_owned(), asked: token.position, reached }
    }
}

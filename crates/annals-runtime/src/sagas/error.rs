//! Why sagas could not be looked at, or an order not be carried out.

use annals_core::{FormError, LimitError, ReadError, ReadModelsError, SagaError};
use thiserror::Error;

use crate::error::{ExecuteError, LoadError};

/// Sagas could not be looked at, or an order was not carried out: then nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SagasError {
    /// This program has no such saga. The error names those there are.
    #[error("there is no saga {saga} in this program, only {known}")]
    UnknownSaga {
        /// What was asked for.
        saga: String,
        /// Those there are.
        known: String,
    },
    /// There is no such instance. List those there are.
    #[error("there is no instance {id} of saga {saga}")]
    NotFound {
        /// The saga.
        saga: String,
        /// The instance.
        id: String,
    },
    /// It cannot be done as the instance stands.
    #[error(transparent)]
    Refused(SagaError),
    /// What was given does not have the form it must have.
    #[error("{what} does not have the form it must have")]
    Form {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: FormError,
    },
    /// A value is outside a bound.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The list could not be read. Just after the first start it is still being built.
    #[error("the list of sagas could not be read")]
    List(#[from] ReadModelsError),
    /// The history could not be read.
    #[error("the history of the saga could not be read")]
    Load(#[from] LoadError),
    /// The order could not be written now, or nobody knows whether it was. Look, and give it again
    /// if need be.
    #[error("the order could not be written")]
    Order(#[source] ExecuteError<SagaError>),
}

/// Whether the same will happen again.
pub(super) fn is_lasting(error: &ExecuteError<SagaError>) -> bool {
    matches!(
        error,
        ExecuteError::Rejected(_)
            | ExecuteError::Invalid(_)
            | ExecuteError::CommandIdReused { .. }
            | ExecuteError::Load(LoadError::Invalid(_) | LoadError::Decode(_))
    )
}

impl From<ReadError> for SagasError {
    fn from(error: ReadError) -> Self {
        Self::Load(error.into())
    }
}

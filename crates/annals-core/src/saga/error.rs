//! Why an instance does not take what it is given.

use thiserror::Error;

use crate::limits::LimitError;

/// A saga instance does not take what it is given. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SagaError {
    /// There is no such instance. List those there are.
    #[error("there is no such saga instance")]
    NotFound,
    /// The instance has ended; it stays readable, and takes nothing more.
    #[error("the saga instance has ended")]
    Ended,
    /// Somebody else was faster: the step has its outcome, the timer has fired, or neither stands
    /// as the caller thinks. Look again.
    #[error("that is settled already")]
    Settled,
    /// Nothing of the instance is parked, so there is nothing to retry.
    #[error("nothing of the saga instance is parked")]
    NotParked,
    /// Compensation is under way already.
    #[error("the saga instance is being compensated already")]
    Compensating,
    /// The saga has said that the aim is reached: there is no way back, only its last steps are
    /// open. What is parked among them can be retried.
    #[error("the saga instance has reached its aim and cannot be compensated any more")]
    Completing,
    /// The saga decided on more than is allowed. Its code must change.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

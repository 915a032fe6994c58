//! Servers that say nothing more.

use std::future::Future;
use std::io;
use std::time::Duration;

use annals_core::{ApplyError, ReadModelsError};
use thiserror::Error;
use tokio::time::timeout;

/// The server has not answered in time.
#[derive(Debug, Error)]
#[error("the server has not answered within {0:?}")]
pub(crate) struct Late(Duration);

/// Gives an operation up that has no answer in time. A server that is gone says nothing more, and
/// the system may wait for it for hours.
pub(crate) async fn in_time<T, E: From<Late>>(
    limit: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(limit, operation).await.unwrap_or_else(|_| Err(Late(limit).into()))
}

impl From<Late> for sqlx::Error {
    fn from(late: Late) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::TimedOut, late))
    }
}

impl From<Late> for ReadModelsError {
    fn from(late: Late) -> Self {
        Self::unavailable(late)
    }
}

impl From<Late> for ApplyError {
    fn from(late: Late) -> Self {
        Self::Unavailable { source: late.into() }
    }
}

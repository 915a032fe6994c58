//! A page that is being read while its future reader is busy with the one before.

use std::panic;
use std::sync::Arc;

use annals_core::{Checkpoint, ReadError};
use tokio::task::JoinHandle;

use super::error::SubscriptionError;
use super::stretch::{Scope, Source, Stretch};

/// Reads one stretch, in a task that ends with this value.
///
/// A task and not a future that is polled once and then left alone: that would hold on to a
/// connection of the store for as long as the caller is busy, and the caller may be busy waiting
/// for that connection.
#[derive(Debug)]
pub(super) struct Reading(JoinHandle<Result<Stretch, SubscriptionError>>);

impl Reading {
    pub(super) fn start(source: Arc<Source>, from: Checkpoint, scope: Scope) -> Self {
        Self(tokio::spawn(async move { source.read(from, scope).await }))
    }

    /// Waits for it. Once it has returned, it must not be asked again.
    pub(super) async fn finish(&mut self) -> Result<Stretch, SubscriptionError> {
        match (&mut self.0).await {
            Ok(stretch) => stretch,
            Err(error) => match error.try_into_panic() {
                Ok(panicked) => panic::resume_unwind(panicked),
                // Nobody aborts it but the runtime, when it ends.
                Err(error) => Err(ReadError::Closed { source: Box::new(error) }.into()),
            },
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! Appending until it is known what became of it.

use std::error::Error;

use annals_core::telemetry::metric;
use annals_core::{Append, AppendError, Appended, CommandId, EventStore};
use tracing::Instrument;

use crate::error::ExecuteError;
use crate::retry::Retry;
use crate::started::Started;
use crate::telemetry::Appending;

/// What became of an append.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) appended: Appended,
    /// An earlier answer was lost. That the command id is then known does not mean that the command
    /// is a repeat: the append may have met what it had written itself.
    pub(crate) is_resent: bool,
}

/// An append that the store has been given.
pub(crate) struct Sent<'a> {
    started: Started<'a, Result<Appended, AppendError>>,
    appending: Appending,
}

impl<'a> Sent<'a> {
    /// Gives `append` to the store. This never waits.
    pub(crate) async fn new(store: &'a dyn EventStore, append: &Append) -> Self {
        let appending = Appending::begin(append.events().len());
        let started = Started::new(store.append(append.clone()));
        let started = started.instrument(appending.span.clone()).await;
        Self { started, appending }
    }
}

/// Awaits the answer to `append`, which was `sent`, and repeats it while its outcome is
/// unknown: the command id makes sure that it is written once at most.
///
/// [`AppendError::Unknown`] is returned only if the bounds of `retry` are reached or the store was
/// closed meanwhile.
pub(crate) async fn submit(
    store: &dyn EventStore,
    append: &Append,
    sent: Sent<'_>,
    retry: &Retry,
) -> Result<Submitted, AppendError> {
    let Sent { started, appending } = sent;
    let settled = settle(store, append, started, retry).instrument(appending.span.clone()).await;
    appending.ended(&settled);
    settled
}

async fn settle(
    store: &dyn EventStore,
    append: &Append,
    started: Started<'_, Result<Appended, AppendError>>,
    retry: &Retry,
) -> Result<Submitted, AppendError> {
    let mut answer = started.finish().await;
    let mut attempts = 0;
    let mut unknown = None;
    loop {
        attempts += 1;
        let source = match answer {
            Ok(appended) => return Ok(Submitted { appended, is_resent: unknown.is_some() }),
            Err(AppendError::Unknown { source }) => source,
            // Unavailable means that *this* repeat was not written; the first may have been.
            Err(AppendError::Unavailable { source }) if unknown.is_some() => source,
            Err(AppendError::Closed { .. }) if let Some(source) = unknown => {
                return Err(AppendError::Unknown { source });
            }
            Err(known) => return Err(known),
        };
        tracing::warn!(error = &*source as &dyn Error, "the outcome of an append is unknown");
        if !retry.pause_after(attempts).await {
            return Err(AppendError::Unknown { source });
        }
        unknown = Some(source);
        metric::APPEND_RESENT.count(1, &[]);
        answer = store.append(append.clone()).await;
    }
}

/// What a final refusal of the store means to whoever executes.
pub(crate) fn refusal<E: Error + 'static>(
    error: AppendError,
    command_id: CommandId,
    attempts: u32,
) -> ExecuteError<E> {
    match error {
        AppendError::Unknown { source } => ExecuteError::Unknown { command_id, source },
        AppendError::Unavailable { source } => ExecuteError::Unavailable { source },
        AppendError::Closed { source } => ExecuteError::Closed { source },
        AppendError::Invalid(limit) => ExecuteError::Invalid(limit.into()),
        conflict => ExecuteError::Contention { attempts, last: Box::new(conflict) },
    }
}

/// Whether deciding again may help.
pub(crate) fn is_conflict(error: &AppendError) -> bool {
    matches!(error, AppendError::Conflict { .. } | AppendError::ConditionFailed { .. })
}

//! The metadata that accompanies whatever is executed in a task.

use std::future::Future;

use annals_core::{CommandId, Json, JsonError, Metadata, telemetry};

tokio::task_local! {
    static CONTEXT: Metadata;
}

/// Runs `future` with `context` as the metadata of every command and decision executed inside it
/// that brings none of its own.
///
/// For the rim of an application: middleware sets actor, correlation id and trace once per request,
/// and no code in between has to hand them on. It does not reach into tasks spawned inside.
pub async fn with_context<F: Future>(context: Metadata, future: F) -> F::Output {
    CONTEXT.scope(context, future).await
}

/// The metadata to write: what was given, else the surrounding context, with the missing links
/// filled in. The command is the cause of its events, and begins a conversation if there is none.
/// The trace is that of the span this is called in, unless the caller of the command has chosen
/// another.
pub(crate) fn metadata(given: Option<Metadata>, id: CommandId) -> Result<Json, JsonError> {
    let surrounding = || CONTEXT.try_with(Metadata::clone).unwrap_or_default();
    let is_chosen = given.as_ref().is_some_and(|given| given.trace.is_some());
    let mut metadata = given.unwrap_or_else(surrounding);
    if !is_chosen && let Some(trace) = telemetry::current_trace() {
        metadata.trace = Some(trace);
    }
    metadata.correlation_id.get_or_insert_with(|| id.into());
    metadata.causation_id.get_or_insert_with(|| id.into());
    metadata.to_json()
}

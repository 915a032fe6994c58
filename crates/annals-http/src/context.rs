//! What accompanies a request into the log: its conversation and its trace.

use annals_core::{Metadata, TraceContext, telemetry};
use axum::http::HeaderMap;

use crate::request_id::RequestId;
use crate::request_span::incoming;

/// The metadata of whatever a request writes, among its extensions.
///
/// Correlation id and trace come from the headers, the actor is who was authenticated. What a
/// client says about itself is not believed.
#[derive(Debug, Clone, Default)]
pub struct RequestMetadata(pub Metadata);

impl RequestMetadata {
    /// Without who it is: authentication adds that.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // Where requests are traced, that of the span that executes the command takes its place.
        let is_traced = telemetry::current_trace().is_some();
        Self(Metadata {
            correlation_id: RequestId::current().map(RequestId::correlation_id),
            trace: if is_traced { None } else { trace(headers) },
            ..Metadata::default()
        })
    }
}

/// The caller's trace. A malformed one is ignored, as the specification asks.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let trace = TraceContext::new(incoming::traceparent(headers)?).ok()?;
    match incoming::tracestate(headers).map(|state| trace.clone().with_tracestate(state)) {
        Some(Ok(with_state)) => Some(with_state),
        _ => Some(trace),
    }
}

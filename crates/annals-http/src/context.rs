//! What accompanies a request into the log: its conversation and its trace.

use annals_core::{Metadata, TraceContext, telemetry};
use annals_runtime::with_context;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use crate::request_id::RequestId;

/// The metadata of whatever a request writes, among its extensions.
///
/// Correlation id and trace come from the headers, the actor is who was authenticated. What a
/// client says about itself is not believed.
#[derive(Debug, Clone, Default)]
pub struct RequestMetadata(pub Metadata);

/// Has everything that is executed in a request carry its metadata. Authentication adds who it was.
pub(crate) async fn with_metadata(mut request: Request, next: Next) -> Response {
    let metadata = Metadata {
        correlation_id: RequestId::current().map(RequestId::correlation_id),
        // Where requests are traced, that of the span that executes the command takes its place.
        trace: if telemetry::current_trace().is_some() { None } else { trace(request.headers()) },
        ..Metadata::default()
    };
    request.extensions_mut().insert(RequestMetadata(metadata.clone()));
    with_context(metadata, next.run(request)).await
}

/// The caller's trace. A malformed one is ignored, as the specification asks.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let trace = TraceContext::new(text("traceparent")?).ok()?;
    match text("tracestate").map(|state| trace.clone().with_tracestate(state)) {
        Some(Ok(with_state)) => Some(with_state),
        _ => Some(trace),
    }
}

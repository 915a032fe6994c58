//! What accompanies a request into the log: its conversation and its trace.

use annals::{CorrelationId, Metadata, TraceContext, with_context};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

const REQUEST_ID: &str = "x-request-id";

/// Gives every request an id, which the answer names and all its events carry.
///
/// An `X-Request-Id` that is a UUID is kept, so that the caller's own log and ours name the same
/// one. There is no actor, because nobody has proved who they are.
pub(super) async fn with_request_context(request: Request, next: Next) -> Response {
    let id = text(request.headers(), REQUEST_ID).and_then(|text| text.parse().ok());
    let id: CorrelationId = id.unwrap_or_else(CorrelationId::new);
    let mut metadata = Metadata::default().correlation_id(id);
    metadata.trace = trace(request.headers());
    let mut response = with_context(metadata, next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The caller's trace. A malformed one is ignored, as the specification asks.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let trace = TraceContext::new(text(headers, "traceparent")?).ok()?;
    match text(headers, "tracestate").map(|state| trace.clone().with_tracestate(state)) {
        Some(Ok(with_state)) => Some(with_state),
        _ => Some(trace),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

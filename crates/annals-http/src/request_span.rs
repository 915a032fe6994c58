//! A request as a span, by the conventions of OpenTelemetry for HTTP.

use annals_core::telemetry::span::{Role, field};
use annals_core::telemetry::{TARGET, attribute, span};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use tracing::Span;
use tracing::field::Empty;

use crate::request_id::RequestId;

/// Longest baggage that is taken along, as the recommendation has it.
const BAGGAGE_BYTES_MAX: usize = 8_192;

/// The span of a request: a child of the trace it came with, if it came with one.
///
/// Its level is that of errors, so that a filter which lets an error through lets its request
/// through.
pub(crate) fn begin(request: &Request, id: RequestId) -> Span {
    let headers = request.headers();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    };
    tracing::error_span!(
        target: TARGET,
        span::REQUEST.name,
        { field::NAME } = name,
        { field::KIND } = Role::Server.as_str(),
        { field::PARENT } = parent(headers),
        { field::BAGGAGE } = text(headers, "baggage").filter(|it| it.len() <= BAGGAGE_BYTES_MAX),
        { field::STATUS } = Empty,
        { attribute::HTTP_METHOD.name } = method,
        { attribute::HTTP_ROUTE.name } = route,
        { attribute::HTTP_STATUS.name } = Empty,
        { attribute::URL_PATH.name } = request.uri().path(),
        { attribute::URL_SCHEME.name } = request.uri().scheme_str().unwrap_or("http"),
        { attribute::SERVER_ADDRESS.name } = host(headers),
        { attribute::CORRELATION_ID.name } = %id,
        { attribute::ERROR_TYPE.name } = Empty,
    )
}

/// What was answered. Whatever the client did wrong is no error of ours.
pub(crate) fn answered(span: &Span, response: &Response) {
    let status = response.status();
    span.record(attribute::HTTP_STATUS.name, status.as_u16());
    if status.is_server_error() {
        span.record(attribute::ERROR_TYPE.name, status.as_str());
        span.record(field::STATUS, "error");
    }
}

/// The usual methods; a caller can make up others, of which there would be many.
fn method(method: &Method) -> &str {
    const USUAL: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    if USUAL.contains(method) { method.as_str() } else { "_OTHER" }
}

fn parent(headers: &HeaderMap) -> Option<String> {
    let traceparent = text(headers, "traceparent")?;
    Some(match text(headers, "tracestate") {
        Some(tracestate) => format!("{traceparent};{tracestate}"),
        None => traceparent.to_owned(),
    })
}

fn host(headers: &HeaderMap) -> Option<String> {
    let authority: Uri = text(headers, header::HOST.as_str())?.parse().ok()?;
    authority.host().map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

//! The name of a request, the same in its answer, in the log of the service and in its events.

use std::fmt;

use annals_core::CorrelationId;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use tracing::Instrument;

use crate::request_span;

/// The header that names a request, in both directions.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The name of a request: a UUID.
///
/// An `X-Request-Id` that is a UUID is kept, so that the caller's own log and ours name the same
/// one; anything else is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestId(CorrelationId);

impl RequestId {
    /// That of the request being answered; `None` outside a [`Service`](crate::Service), and in
    /// tasks spawned inside one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// As the conversation that events belong to.
    #[must_use]
    pub fn correlation_id(self) -> CorrelationId {
        self.0
    }

    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
        Self(given.and_then(|text| text.parse().ok()).unwrap_or_else(CorrelationId::new))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Names a request and has it answered. Around everything else, so that every answer carries the
/// name.
pub(crate) async fn named<F: Future<Output = Response>>(
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let id = RequestId::of(request.headers());
    let begun = request_span::begin(&request, id);
    let mut response = CURRENT.scope(id, answer(request).instrument(begun.span.clone())).await;
    begun.answered(&response);
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}

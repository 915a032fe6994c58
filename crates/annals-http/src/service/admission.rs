//! How many requests are taken on, and how long they may take.

use std::sync::Arc;
use std::time::Duration;

use annals_runtime::with_context;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::ServiceOptions;
use crate::body::BodyLimits;
use crate::context::RequestMetadata;
use crate::problem::{Kind, Problem};

#[derive(Debug, Clone)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    within: Duration,
    body: BodyLimits,
}

impl Admission {
    pub(super) fn new(options: &ServiceOptions) -> Self {
        Self {
            places: Arc::new(Semaphore::new(options.requests_max)),
            within: options.request_within,
            body: options.body,
        }
    }
}

/// Takes a request on, if there is a place for it: from here on it has its bounds and its metadata.
pub(super) async fn admit(
    State(admission): State<Admission>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(_place) = admission.places.try_acquire() else {
        return Problem::new(Kind::OVERLOADED, "try again in a moment").into_response();
    };
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING).iter();
    let is_encoded = encodings.next().is_some();
    if encodings.next().is_some() {
        // Only one would be undone, and the rest be taken for the body.
        return unknown_encoding();
    }
    let metadata = RequestMetadata::of(request.headers());
    request.extensions_mut().insert(admission.body);
    request.extensions_mut().insert(metadata.clone());
    let answer = with_context(metadata.0, next.run(request));
    match tokio::time::timeout(admission.within, answer).await {
        Ok(response) if is_encoded => explain_encoding(response),
        Ok(response) => response,
        Err(_) => {
            tracing::warn!("a request took too long");
            let detail =
                "a command may have been executed: repeat it with the same idempotency key";
            Problem::new(Kind::TIMEOUT, detail).into_response()
        }
    }
}

/// An answer of the decompression, which says nothing, in words.
fn explain_encoding(response: Response) -> Response {
    let is_explained = response.headers().contains_key(header::CONTENT_TYPE);
    if is_explained || response.status() != StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return response;
    }
    unknown_encoding()
}

/// Says which encodings are known, to whoever has used another one.
fn unknown_encoding() -> Response {
    let detail = "send the body with content-encoding gzip or zstd, or as it is";
    let mut response = Problem::new(Kind::UNKNOWN_ENCODING, detail).into_response();
    let known = HeaderValue::from_static("gzip, zstd");
    response.headers_mut().insert(header::ACCEPT_ENCODING, known);
    response
}

//! The body of a request: read within bounds, and told apart from what is none.

mod pointer;

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::{Kind, Problem};

/// How large a body may be and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Largest body, in bytes, after it was decompressed: a small body that decompresses to a large
    /// one is refused as soon as it has grown past this.
    ///
    /// 64 KiB hold any command that fits into an event's payload with room to spare for most.
    pub bytes_max: usize,
    /// How long a body may take from its first byte to its last.
    ///
    /// Shutting down waits for it, so it is short.
    pub within: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes_max: 64 * 1024, within: Duration::from_secs(5) }
    }
}

/// A JSON object.
///
/// What is not one is refused: 415 without `Content-Type: application/json`, 400 if it is no JSON
/// (or nested deeper than 127 levels), 422 if it is not the object that is needed, with the place
/// as a JSON pointer; 413 and 408 by [`BodyLimits`]. Give `T` the attribute
/// `#[serde(deny_unknown_fields)]`, so that a field that is misspelt is not left out silently.
#[derive(Debug, Clone, Copy)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        parse(&read(request).await?).map(Self)
    }
}

pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Kind::NOT_JSON, "say content-type: application/json"))
}

/// Reads the whole body.
pub(crate) async fn read(request: Request) -> Result<Bytes, Problem> {
    let limits = request.extensions().get::<BodyLimits>().copied().unwrap_or_default();
    let too_large = || {
        let detail = format!("at most {} bytes are allowed", limits.bytes_max);
        Problem::new(Kind::BODY_TOO_LARGE, detail)
    };
    let announced = usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.bytes_max {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), limits.bytes_max).collect();
    match tokio::time::timeout(limits.within, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            tracing::debug!(error = &*error as &dyn Error, "a body could not be read");
            let detail = "it broke off, or is not compressed as its content encoding says";
            Err(Problem::new(Kind::MALFORMED_BODY, detail))
        }
        Err(_) => {
            let detail = format!("it must be complete after {} s", limits.within.as_secs_f32());
            Err(Problem::new(Kind::BODY_TIMEOUT, detail))
        }
    }
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Without this, a list of the values of the fields would be taken for an object as well.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Kind::INVALID_BODY, "an object is needed, not a list"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if !error.is_data() {
            return Problem::new(Kind::MALFORMED_JSON, error.to_string());
        }
        let problem = Problem::new(Kind::INVALID_BODY, error.to_string());
        problem.with_faults(pointer::fault::<T>(bytes).into_iter().collect())
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use axum::response::IntoResponse;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Nothing {}

    fn post(body: HttpBody) -> Request {
        let mut request = Request::new(body);
        let json = header::HeaderValue::from_static("Application/JSON; charset=utf-8");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let endless = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let request = post(HttpBody::from_stream(endless));
        let problem = Body::<Nothing>::from_request(request, &()).await.unwrap_err();
        assert_eq!(problem.into_response().status(), 408);
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_refused_when_it_has_grown_too_large() {
        let chunk = Bytes::from(vec![b' '; 40 * 1024]);
        let chunks = [chunk.clone(), chunk].map(Ok::<_, std::io::Error>);
        let body = HttpBody::from_stream(futures_util::stream::iter(chunks));
        let problem = Body::<Nothing>::from_request(post(body), &()).await.unwrap_err();
        assert_eq!(problem.kind(), Kind::BODY_TOO_LARGE);
    }
}

//! What requests carry, read with a problem for everything that is not as it must be.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::account::AccountId;
use crate::account_statement::{Month, MonthError};
use crate::http::BODY_BYTES_MAX;
use crate::http::problem::{Kind, Problem};

/// How long a body may take from its first byte to its last.
///
/// The client is on the same machine; a body that takes longer will never be complete, and
/// shutting down waits for it.
const BODY_WAIT_MAX: Duration = Duration::from_secs(5);

/// A JSON object.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        parse(&read(request, state).await?).map(Self)
    }
}

/// No body, or an empty JSON object.
#[derive(Debug)]
pub(super) struct NoBody;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an empty object")]
struct EmptyObject {}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type = check_content_type(request.headers());
        let bytes = read(request, state).await?;
        if !bytes.is_empty() {
            content_type?;
            parse::<EmptyObject>(&bytes)?;
        }
        Ok(Self)
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Kind::NOT_JSON, "say content-type: application/json"))
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_WAIT_MAX, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("at most {BODY_BYTES_MAX} bytes are allowed");
            Err(Problem::new(Kind::BODY_TOO_LARGE, detail))
        }
        Ok(Err(rejection)) => Err(Problem::new(Kind::MALFORMED_JSON, rejection.body_text())),
        Err(_) => {
            let detail = format!("it must be complete after {} s", BODY_WAIT_MAX.as_secs());
            Err(Problem::new(Kind::BODY_TIMEOUT, detail))
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Without this, a list of the values of the fields would be taken for an object as well.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Kind::INVALID_BODY, "an object is needed, not a list"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let kind = if error.is_data() { Kind::INVALID_BODY } else { Kind::MALFORMED_JSON };
        Problem::new(kind, error.to_string())
    })
}

/// The account id in the path.
#[derive(Debug)]
pub(super) struct AccountPath(pub(super) AccountId);

impl<S: Send + Sync> FromRequestParts<S> for AccountPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = |detail: String| Problem::new(Kind::MALFORMED_ACCOUNT_ID, detail);
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|rejection| malformed(rejection.body_text()))?;
        AccountId::new(text).map(Self).map_err(|error| malformed(error.to_string()))
    }
}

/// The account id and the period in the path.
#[derive(Debug)]
pub(super) struct StatementPath(pub(super) AccountId, pub(super) Month);

impl<S: Send + Sync> FromRequestParts<S> for StatementPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let texts = Path::<(String, String)>::from_request_parts(parts, state).await;
        let malformed = |detail: String| Problem::new(Kind::MALFORMED_ACCOUNT_ID, detail);
        let Path((id, period)) = texts.map_err(|rejection| malformed(rejection.body_text()))?;
        let id = AccountId::new(id).map_err(|error| malformed(error.to_string()))?;
        let period = period.parse::<Month>();
        let malformed = |error: MonthError| Problem::new(Kind::MALFORMED_PERIOD, error.to_string());
        Ok(Self(id, period.map_err(malformed)?))
    }
}

/// The parameters after the question mark.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::new(Kind::MALFORMED_QUERY, rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use axum::response::IntoResponse;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let endless = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let mut request = Request::new(HttpBody::from_stream(endless));
        let json = header::HeaderValue::from_static("Application/JSON; charset=utf-8");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let problem = Body::<EmptyObject>::from_request(request, &()).await.unwrap_err();
        assert_eq!(problem.into_response().status(), StatusCode::REQUEST_TIMEOUT);
    }
}

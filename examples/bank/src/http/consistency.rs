//! How new an answer is, and must be: the `Consistency-Token` header.

use annals::ConsistencyToken;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::bank::{CommandAnswer, QueryAnswer};
use crate::http::problem::{Kind, Problem};
use crate::transfers::TransferAnswer;

const HEADER: HeaderName = HeaderName::from_static("consistency-token");

/// What a query must take into account, if its caller says so.
#[derive(Debug)]
pub(super) struct AtLeast(pub(super) Option<ConsistencyToken>);

impl<S: Sync> FromRequestParts<S> for AtLeast {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut tokens = parts.headers.get_all(HEADER).iter();
        let Some(token) = tokens.next() else { return Ok(Self(None)) };
        let token = token.to_str().ok().filter(|_| tokens.next().is_none());
        match token.map(str::parse) {
            Some(Ok(token)) => Ok(Self(Some(token))),
            _ => {
                let detail = format!("there may be one {HEADER}, as a command returned it");
                Err(Problem::new(Kind::MALFORMED_HEADER, detail))
            }
        }
    }
}

/// An answer as JSON, with its token as a header.
#[derive(Debug)]
pub(super) struct Answered<T> {
    token: ConsistencyToken,
    body: T,
}

impl From<CommandAnswer> for Answered<CommandAnswer> {
    fn from(body: CommandAnswer) -> Self {
        Self { token: body.consistency_token, body }
    }
}

impl From<TransferAnswer> for Answered<TransferAnswer> {
    fn from(body: TransferAnswer) -> Self {
        Self { token: body.consistency_token, body }
    }
}

impl<T> Answered<T> {
    /// An answer to a query, with what is to stand around it.
    pub(super) fn query<U>(answer: QueryAnswer<U>, body: impl FnOnce(QueryAnswer<U>) -> T) -> Self {
        Self { token: answer.consistency_token, body: body(answer) }
    }
}

impl<T> From<QueryAnswer<T>> for Answered<QueryAnswer<T>> {
    fn from(answer: QueryAnswer<T>) -> Self {
        Self::query(answer, |answer| answer)
    }
}

impl<T: Serialize> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if let Ok(value) = HeaderValue::from_str(&self.token.to_string()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
}

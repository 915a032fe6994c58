//! What is answered when all is well.

use annals_core::{ConsistencyToken, Sequence};
use annals_runtime::Executed;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::{consistency, etag};

/// JSON, with how new it is in the headers: `ETag` for the sequence of an aggregate,
/// `Consistency-Token` for how much of the log it knows of.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    body: T,
    status: StatusCode,
    location: Option<String>,
    sequence: Option<Sequence>,
    token: Option<ConsistencyToken>,
}

impl<T> Answer<T> {
    /// 200 with this body.
    #[must_use]
    pub fn new(body: T) -> Self {
        Self { body, status: StatusCode::OK, location: None, sequence: None, token: None }
    }

    /// What a command led to: 200 with its sequence and its token.
    #[must_use]
    pub fn executed<E>(body: T, executed: &Executed<E>) -> Self {
        Self::new(body).at_sequence(executed.sequence).with_token(executed.token)
    }

    /// 201 instead, because something was made that can be asked for at `location`.
    #[must_use]
    pub fn created(mut self, location: impl Into<String>) -> Self {
        self.status = StatusCode::CREATED;
        self.location = Some(location.into());
        self
    }

    /// 202 instead, because it was asked for and will be done.
    #[must_use]
    pub fn accepted(mut self) -> Self {
        self.status = StatusCode::ACCEPTED;
        self
    }

    /// The aggregate is at `sequence`, which is its `ETag`. Clients keep the answer and ask whether
    /// it is still good; nothing else may keep it.
    #[must_use]
    pub fn at_sequence(mut self, sequence: Sequence) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// The answer knows of everything that `token` names.
    #[must_use]
    pub fn with_token(mut self, token: ConsistencyToken) -> Self {
        self.token = Some(token);
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(tag) = self.sequence.and_then(etag::tag) {
            headers.insert(header::ETAG, tag);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        if let Some(token) = self.token {
            consistency::insert(headers, token);
        }
        if let Some(location) = self.location.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

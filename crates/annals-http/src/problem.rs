//! What is answered instead of what was asked for: `application/problem+json` (RFC 9457).

mod framework;
mod kind;

use std::error::Error;

use annals_core::{ConsistencyToken, Position};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use self::kind::Kind;
use crate::consistency;
use crate::request_id::RequestId;

/// What clients are told about a rejection: implemented once for each error of a domain.
///
/// It makes `?` work on `ExecuteError<E>` in a handler that returns [`Problem`].
///
/// ```
/// use annals_http::{Kind, Refusal};
/// use axum::http::StatusCode;
///
/// #[derive(Debug, thiserror::Error)]
/// enum SeatError {
///     #[error("the seat is taken")]
///     Taken,
/// }
///
/// impl Refusal for SeatError {
///     fn kind(&self) -> Kind {
///         Kind::new("urn:example:seat_taken", StatusCode::CONFLICT, "The seat is taken")
///     }
/// }
/// ```
pub trait Refusal: Error {
    /// What kind of problem it is. Its text becomes the `detail`, so it must say nothing that the
    /// caller may not know.
    fn kind(&self) -> Kind;

    /// Which parts of the request are at fault, if it can be said.
    fn faults(&self) -> Vec<Fault> {
        Vec::new()
    }
}

/// What is wrong with one part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Which part: a JSON pointer (RFC 6901) into the body, such as `/owner_name`, or the name of a
    /// parameter or header.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Fault {
    /// Says what is wrong with one part.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A problem, ready to be answered.
///
/// Beside the members of RFC 9457 its JSON has `request_id`, which is also in the header
/// `X-Request-Id` and in the program's log; `errors`, a list of [`Fault`]s; and, where a read model
/// is the cause, `position`, how far that is.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

/// Behind a box, because problems are the rare way out of functions that usually return little.
#[derive(Debug)]
struct Parts {
    kind: Kind,
    detail: String,
    faults: Vec<Fault>,
    position: Option<Position>,
    retry_after_seconds: Option<u16>,
    token: Option<ConsistencyToken>,
}

/// When to try again after a 503, in seconds: the least there is. What passes by itself passes
/// within milliseconds; what does not is no better met by a longer pause of everybody at once.
const RETRY_AFTER_SECONDS: u16 = 1;

impl Problem {
    /// A problem of a kind; `detail` says what is wrong this time, in words for the caller.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let is_temporary = kind.status() == axum::http::StatusCode::SERVICE_UNAVAILABLE;
        Self(Box::new(Parts {
            kind,
            detail: detail.into(),
            faults: Vec::new(),
            position: None,
            retry_after_seconds: is_temporary.then_some(RETRY_AFTER_SECONDS),
            token: None,
        }))
    }

    /// A rejection by a rule of the domain.
    pub fn refusal(refusal: &impl Refusal) -> Self {
        Self::new(refusal.kind(), refusal.to_string()).with_faults(refusal.faults())
    }

    /// Something is broken: the log has `error` with its sources, the caller is told nothing of it.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a request met something broken");
        Self::new(Kind::INTERNAL, "the log of the service says more, under this request id")
    }

    /// Something that passes by itself: the log has `error` with its sources.
    pub fn temporary(kind: Kind, error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error, "a request could not be answered");
        Self::new(kind, "try again with the same request")
    }

    /// Says which parts of the request are at fault.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// Says how far the read model is.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u16) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Answers with a consistency token as well, because something was executed.
    #[must_use]
    pub fn with_token(mut self, token: ConsistencyToken) -> Self {
        self.0.token = Some(token);
        self
    }

    /// The same under another name, where the place it comes from is known better.
    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// What kind of problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
}

/// The JSON of a [`Problem`], for OpenAPI.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Which kind of problem: compare this, it never changes.
    r#type: &'a str,
    /// What that kind is called.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time.
    detail: &'a str,
    /// What to quote when asking for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    request_id: Option<RequestId>,
    /// Which parts of the request are at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Fault],
    /// How far the read model is that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    position: Option<Position>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { kind, detail, faults, position, retry_after_seconds, token } = *self.0;
        let body = ProblemBody {
            r#type: kind.urn(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: &detail,
            request_id: RequestId::current(),
            errors: &faults,
            position,
        };
        let mut response = (kind.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        // Some statuses may be kept by caches, and what was missing may come.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(token) = token {
            consistency::insert(headers, token);
        }
        response
    }
}

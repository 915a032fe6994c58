//! How new an answer is, and must be: the `Consistency-Token` header.

use std::time::Duration;

use annals_core::ConsistencyToken;
use annals_runtime::Visibility;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::{Fault, Kind, Problem};

/// The header that carries a consistency token, in both directions.
pub const CONSISTENCY_TOKEN_HEADER: HeaderName = HeaderName::from_static("consistency-token");

/// What a query must take into account, if its caller says so with a `Consistency-Token`.
///
/// Commands are answered with one. A query that presents it is answered from a read model that
/// knows of that command, or refused: never with older data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtLeast(pub Option<ConsistencyToken>);

impl AtLeast {
    /// Waits until the read model of `projection` is that new, at most as long as `within`; does
    /// not wait if nothing was asked for.
    ///
    /// A query on a replica of the read database must be exact itself:
    /// [`Visibility::read_at_least`].
    ///
    /// # Errors
    ///
    /// A [`Problem`]: 503 with `Retry-After` and the `position` that was reached if it was not new
    /// enough in time, 412 if the token is about another log.
    pub async fn wait(
        self,
        visibility: &Visibility,
        projection: &str,
        within: Duration,
    ) -> Result<(), Problem> {
        if let Self(Some(token)) = self {
            visibility.wait_for(projection, token, within).await?;
        }
        Ok(())
    }
}

impl<S: Sync> FromRequestParts<S> for AtLeast {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut tokens = parts.headers.get_all(CONSISTENCY_TOKEN_HEADER).iter();
        let Some(token) = tokens.next() else { return Ok(Self(None)) };
        let token = token.to_str().ok().filter(|_| tokens.next().is_none());
        match token.map(str::parse) {
            Some(Ok(token)) => Ok(Self(Some(token))),
            _ => {
                let detail = format!(
                    "there may be one {CONSISTENCY_TOKEN_HEADER}, as a command returned it"
                );
                let fault = Fault::new(CONSISTENCY_TOKEN_HEADER.as_str(), &detail);
                Err(Problem::new(Kind::MALFORMED_HEADER, detail).with_faults(vec![fault]))
            }
        }
    }
}

pub(crate) fn insert(headers: &mut HeaderMap, token: ConsistencyToken) {
    if let Ok(value) = HeaderValue::from_str(&token.to_string()) {
        headers.insert(CONSISTENCY_TOKEN_HEADER, value);
    }
}

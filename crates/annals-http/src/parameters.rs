//! What stands in the address of a request.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{Kind, Problem};

/// The parameters after the question mark; 400 if they are not as needed.
///
/// Give `T` the attribute `#[serde(deny_unknown_fields)]`: a parameter that is misspelt must not be
/// taken for one that was left out.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::new(Kind::MALFORMED_QUERY, rejection.body_text())),
        }
    }
}

/// The variable parts of the path, in their order or by name; 400 if they are not as needed.
#[derive(Debug, Clone, Copy)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Problem::new(Kind::MALFORMED_PATH, rejection.body_text())),
        }
    }
}

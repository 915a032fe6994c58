//! The names in the paths of the bank.

use annals_http::{Problem, Segments};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::account::AccountId;
use crate::account_statement::{Month, MonthError};
use crate::http::problem::{MALFORMED_ACCOUNT_ID, MALFORMED_PERIOD};

/// The account id in the path.
#[derive(Debug)]
pub(super) struct AccountPath(pub(super) AccountId);

impl<S: Send + Sync> FromRequestParts<S> for AccountPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segments(text) = Segments::<String>::from_request_parts(parts, state).await?;
        account_id(text).map(Self)
    }
}

/// The account id and the period in the path.
#[derive(Debug)]
pub(super) struct StatementPath(pub(super) AccountId, pub(super) Month);

impl<S: Send + Sync> FromRequestParts<S> for StatementPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let texts = Segments::<(String, String)>::from_request_parts(parts, state).await;
        let Segments((id, period)) = texts?;
        let malformed = |error: MonthError| Problem::new(MALFORMED_PERIOD, error.to_string());
        Ok(Self(account_id(id)?, period.parse().map_err(malformed)?))
    }
}

fn account_id(text: String) -> Result<AccountId, Problem> {
    AccountId::new(text).map_err(|error| Problem::new(MALFORMED_ACCOUNT_ID, error.to_string()))
}

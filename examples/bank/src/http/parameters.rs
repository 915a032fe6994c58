//! The parameters of requests that several routes share, as OpenAPI describes them.
#![expect(dead_code, reason = "only described")]

use utoipa::IntoParams;

/// The account in the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfAccount {
    /// Which account
    #[param(pattern = "^[A-Za-z0-9-]{1,64}$")]
    id: String,
}

/// Under which terms a command on an account is executed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct UnderTerms {
    /// Makes the request safe to repeat
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
    /// The sequence the account must be at, such as "5"
    #[param(rename = "If-Match", pattern = "^\"[1-9][0-9]{0,17}\"$")]
    if_match: Option<String>,
    /// * if the account must not exist
    #[param(rename = "If-None-Match", pattern = "^[*]$")]
    if_none_match: Option<String>,
}

/// How new the answer to a query must be.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct AsNewAs {
    /// Of a command the answer must know of
    #[param(
        rename = "Consistency-Token",
        pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,18}$"
    )]
    consistency_token: Option<String>,
}

/// How long a page is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfLength {
    /// At most so many; 100 if it is left out
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

//! What is answered instead of what was asked for: `application/problem+json` (RFC 9457).

use std::error::Error;

use annals::Position;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::account::{AccountError, OwnerNameError};
use crate::bank::{BankError, QueryError};
use crate::instant_transfer::InstantTransferError;
use crate::transfer::TransferError;
use crate::transfers::TransfersError;

/// A kind of problem: its `type` is `urn:annals:bank:` and the code, and never changes.
///
/// - **400** what was sent cannot be read;
/// - **403** a web page of another site sent it;
/// - **404** what it is about does not exist;
/// - **405, 408, 413, 415** method, time, size or content type are not as they must be;
/// - **409** a rule forbids it as the account is now;
/// - **412** the consistency token is about another log;
/// - **422** a rule forbids it whatever the account is;
/// - **500** the program is broken, its log says where;
/// - **503** try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
}

impl Kind {
    /// The body is no JSON.
    pub const MALFORMED_JSON: Self =
        Self::new("malformed_json", StatusCode::BAD_REQUEST, "The body is no JSON");
    /// The query of the address is not understood.
    pub const MALFORMED_QUERY: Self =
        Self::new("malformed_query", StatusCode::BAD_REQUEST, "The query is malformed");
    /// A header is not understood.
    pub const MALFORMED_HEADER: Self =
        Self::new("malformed_header", StatusCode::BAD_REQUEST, "A header is malformed");
    /// The account id in the path is none.
    pub const MALFORMED_ACCOUNT_ID: Self =
        Self::new("malformed_account_id", StatusCode::BAD_REQUEST, "The account id is malformed");
    /// The transfer id in the path is none.
    pub const MALFORMED_TRANSFER_ID: Self =
        Self::new("malformed_transfer_id", StatusCode::BAD_REQUEST, "The transfer id is malformed");
    /// The period in the path is none.
    pub const MALFORMED_PERIOD: Self =
        Self::new("malformed_period", StatusCode::BAD_REQUEST, "The period is malformed");
    /// The request comes from a web page of another site.
    pub const OTHER_SITE: Self =
        Self::new("other_site", StatusCode::FORBIDDEN, "Other sites may not use the bank");
    /// There is nothing at the path.
    pub const UNKNOWN_PATH: Self =
        Self::new("unknown_path", StatusCode::NOT_FOUND, "There is nothing here");
    /// The path exists, the method does not.
    pub const METHOD_NOT_ALLOWED: Self = Self::new(
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "The method is not possible here",
    );
    /// The body did not come in time.
    pub const BODY_TIMEOUT: Self =
        Self::new("body_timeout", StatusCode::REQUEST_TIMEOUT, "The body came too slowly");
    /// The body is larger than any that makes sense.
    pub const BODY_TOO_LARGE: Self =
        Self::new("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large");
    /// The body is not declared to be JSON.
    pub const NOT_JSON: Self = Self::new(
        "not_json",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The content type must be application/json",
    );
    /// The body is JSON, but not what is needed here.
    pub const INVALID_BODY: Self =
        Self::new("invalid_body", StatusCode::UNPROCESSABLE_ENTITY, "The body is not as needed");
    /// The name of the owner is none.
    pub const INVALID_OWNER_NAME: Self = Self::new(
        "invalid_owner_name",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The owner's name is not possible",
    );

    const fn new(code: &'static str, status: StatusCode, title: &'static str) -> Self {
        Self { code, status, title }
    }

    fn of_rejection(rejection: &AccountError) -> Self {
        let (status, title) = match rejection {
            AccountError::NotFound => (StatusCode::NOT_FOUND, NOT_FOUND),
            AccountError::AlreadyOpened => (StatusCode::CONFLICT, "The account exists already"),
            AccountError::Closed => (StatusCode::CONFLICT, "The account is closed"),
            AccountError::NegativeInitialBalance { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The initial balance is negative")
            }
            AccountError::AmountNotPositive { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The amount is not more than zero")
            }
            AccountError::InsufficientFunds { .. } => {
                (StatusCode::CONFLICT, "The funds are insufficient")
            }
            AccountError::BalanceNotZero { .. } => {
                (StatusCode::CONFLICT, "The balance is not zero")
            }
            AccountError::BalanceOverflow { .. } => {
                (StatusCode::CONFLICT, "The balance would be too large")
            }
        };
        Self::new(rejection.code(), status, title)
    }

    fn of_error(error: &BankError) -> Self {
        let (status, title) = match error {
            BankError::Rejected(rejection) => return Self::of_rejection(rejection),
            BankError::NotFound => (StatusCode::NOT_FOUND, NOT_FOUND),
            BankError::NotOpenedThen => (StatusCode::NOT_FOUND, "The account was opened later"),
            BankError::SequenceAhead { .. } => {
                (StatusCode::NOT_FOUND, "The account has not come that far")
            }
            BankError::CommandIdReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key was used otherwise")
            }
            BankError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "The account is too busy"),
            BankError::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The log is unavailable")
            }
            BankError::OutcomeUnknown(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The outcome is unknown")
            }
            BankError::NotVisible(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The read models do not show it yet")
            }
            BankError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Something is broken"),
        };
        Self::new(error.code(), status, title)
    }

    fn of_transfer_rejection(rejection: &TransferError) -> Self {
        let (status, title) = match rejection {
            TransferError::NotFound => (StatusCode::NOT_FOUND, "The transfer does not exist"),
            TransferError::AlreadyRequested => {
                (StatusCode::CONFLICT, "The transfer exists already")
            }
            TransferError::Ended => (StatusCode::CONFLICT, "The transfer has ended"),
            TransferError::SameAccount { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The accounts are the same")
            }
            TransferError::AmountNotPositive { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The amount is not more than zero")
            }
        };
        Self::new(rejection.code(), status, title)
    }

    fn of_query_error(error: &QueryError) -> Self {
        let (status, title) = match error {
            QueryError::NotFound { .. } => (StatusCode::NOT_FOUND, NOT_FOUND),
            QueryError::PeriodNotFound { .. } => {
                (StatusCode::NOT_FOUND, "Nothing moved in the period")
            }
            QueryError::Behind { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "The read model is not that far yet")
            }
            QueryError::OtherLog(_) => {
                (StatusCode::PRECONDITION_FAILED, "The consistency token is about another log")
            }
            QueryError::NotBuilt => {
                (StatusCode::SERVICE_UNAVAILABLE, "The read model is being built")
            }
            QueryError::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The read models are unavailable")
            }
            QueryError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Something is broken"),
        };
        Self::new(error.code(), status, title)
    }
}

const NOT_FOUND: &str = "The account does not exist";

/// A problem, ready to be answered.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    /// How far the read model is, if that is the problem.
    position: Option<Position>,
    /// When to try again, in seconds.
    retry_after: Option<u8>,
}

/// When to ask a read model again that is behind or being built, in seconds: the least there is.
/// One that follows the log needs milliseconds.
const RETRY_AFTER: u8 = 1;

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
}

impl Problem {
    /// A problem of a kind; `detail` says what is wrong this time.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), position: None, retry_after: None }
    }
}

impl From<BankError> for Problem {
    fn from(error: BankError) -> Self {
        let kind = Kind::of_error(&error);
        if kind.status.is_server_error() {
            tracing::error!(error = &error as &dyn Error, "a request failed");
        }
        Self::new(kind, error.to_string())
    }
}

impl From<TransfersError> for Problem {
    fn from(error: TransfersError) -> Self {
        let kind = match error {
            TransfersError::Bank(error) => return error.into(),
            TransfersError::NotFound => Kind::of_transfer_rejection(&TransferError::NotFound),
            TransfersError::Rejected(ref rejection)
            | TransfersError::NotMade(InstantTransferError::Transfer(ref rejection)) => {
                Kind::of_transfer_rejection(rejection)
            }
            // It says which account is meant; what was asked for is a transfer all the same.
            TransfersError::NotMade(
                InstantTransferError::Source { ref rejection, .. }
                | InstantTransferError::Target { ref rejection, .. },
            ) => Kind { status: StatusCode::CONFLICT, ..Kind::of_rejection(rejection) },
        };
        Self::new(kind, error.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let kind = Kind::of_query_error(&error);
        let is_later = matches!(error, QueryError::Behind { .. } | QueryError::NotBuilt);
        if kind.status.is_server_error() && !is_later {
            tracing::error!(error = &error as &dyn Error, "a query failed");
        }
        let position = match &error {
            QueryError::Behind { reached, .. } => Some(*reached),
            QueryError::NotFound { position } | QueryError::PeriodNotFound { position, .. } => {
                Some(*position)
            }
            _ => None,
        };
        let retry_after = (kind.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Self { position, retry_after, ..Self::new(kind, error.to_string()) }
    }
}

impl From<OwnerNameError> for Problem {
    fn from(error: OwnerNameError) -> Self {
        Self::new(Kind::INVALID_OWNER_NAME, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind: Kind { code, status, title }, detail, position, retry_after } = &self;
        let r#type = format!("urn:annals:bank:{code}");
        let body = Body { r#type, title, status: status.as_u16(), detail, position: *position };
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (*status, axum::Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, u16::from(*seconds).into());
        }
        response
    }
}

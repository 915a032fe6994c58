//! The requests about transfers.

use std::sync::Arc;
use std::time::Duration;

use annals_http::{Answer, Asked, Kind, Problem};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::account::AccountId;
use crate::http::Service;
use crate::http::problem::MALFORMED_TRANSFER_ID;
use crate::http::schema::{AskTransferShape, CommandProblems, Malformed, NotFound, TransferShape};
use crate::money::{self, Money};
use crate::transfer::{TransferId, TransferOrder};
use crate::transfers::{Mode, TransferAnswer, TransferTerms, Transfers};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Longest time that a request waits for the end of its transfer. A transfer takes milliseconds;
/// and shutting down waits for requests, longer than this.
const WAIT_SECONDS_MAX: u64 = 15;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct AskTransfer {
    transfer_id: Option<TransferId>,
    from_account_id: String,
    to_account_id: String,
    #[serde(deserialize_with = "money::from_integer")]
    amount: Money,
    #[serde(default)]
    mode: Mode,
}

/// Have money moved
#[utoipa::path(
    post,
    path = "/transfers",
    tag = "transfers",
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Makes the request safe to repeat",
            pattern = "^[!-~]{1,255}$"
        ),
        (
            "If-Match" = Option<String>,
            Header,
            description = "The sequence the transfer must be at, such as \"5\"",
            pattern = "^\"[1-9][0-9]{0,17}\"$"
        ),
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "* if the transfer must not exist",
            pattern = "^[*]$"
        ),
        (
            "Prefer" = Option<String>,
            Header,
            description = "wait=5 waits for its end, at most so many seconds"
        ),
    ),
    request_body = AskTransferShape,
    responses(
        (status = 200, description = "It has ended within the time to wait", body = TransferShape),
        (status = 201, description = "It was made in one step", body = TransferShape),
        (status = 202, description = "It is on its way", body = TransferShape),
        CommandProblems,
    ),
)]
pub(super) async fn ask(
    State(service): State<Arc<Service>>,
    PreferWait(wait): PreferWait,
    Asked { body: asked, terms }: Asked<AskTransfer>,
) -> Result<Response, Problem> {
    let Service { bank, transfers, .. } = &*service;
    let account = |text: String| {
        AccountId::new(text).map_err(|error| Problem::new(Kind::INVALID_BODY, error.to_string()))
    };
    let from_account_id = account(asked.from_account_id)?;
    let to_account_id = account(asked.to_account_id)?;
    let order = TransferOrder { from_account_id, to_account_id, amount: asked.amount };
    // A repeated request must come to the same transfer.
    let keyed = || terms.command_id().map(|key| TransferId::from(*key.as_uuid()));
    let id = asked.transfer_id.or_else(keyed).unwrap_or_else(TransferId::generate);
    let location = [(header::LOCATION, format!("/transfers/{id}"))];
    let own = TransferTerms {
        command_id: terms.command_id(),
        expected: terms.expected(),
        metadata: Some(terms.metadata().clone()),
    };
    let asked = match asked.mode {
        Mode::Instant => transfers.make(id, order, own).await?,
        Mode::Saga => transfers.ask(id, order, own).await?,
    };
    terms.check(&**bank.app().store(), asked.repeated).await?;
    if asked.transfer.mode == Mode::Instant {
        return Ok((StatusCode::CREATED, location, Answer::from(asked.transfer)).into_response());
    }
    let Some(seconds) = wait else {
        return Ok((StatusCode::ACCEPTED, location, Answer::from(asked.transfer)).into_response());
    };
    let answer = transfers.wait(id, Duration::from_secs(seconds)).await?;
    let status = if answer.is_settled() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let applied = [(PREFERENCE_APPLIED, format!("wait={seconds}"))];
    Ok((status, location, applied, Answer::from(answer)).into_response())
}

/// A transfer, and what happened to it
#[utoipa::path(
    get,
    path = "/transfers/{id}",
    tag = "transfers",
    params(
        ("id" = uuid::Uuid, Path, description = "Which transfer"),
        (
            "Prefer" = Option<String>,
            Header,
            description = "wait=5 waits for its end, at most so many seconds"
        ),
    ),
    responses(
        (status = 200, description = "The transfer", body = TransferShape),
        Malformed,
        NotFound,
    ),
)]
pub(super) async fn show(
    State(transfers): State<Transfers>,
    TransferPath(id): TransferPath,
    PreferWait(wait): PreferWait,
) -> Result<Answer<TransferAnswer>, Problem> {
    Ok(match wait {
        None => transfers.show(id).await?.into(),
        Some(seconds) => transfers.wait(id, Duration::from_secs(seconds)).await?.into(),
    })
}

/// For how many seconds the caller would rather wait than be told that it is not done yet: the
/// preference `wait` of RFC 7240. As any preference, one that is not understood is ignored.
#[derive(Debug)]
pub(super) struct PreferWait(Option<u64>);

impl<S: Sync> FromRequestParts<S> for PreferWait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let values = parts.headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        Ok(Self(values.flat_map(|value| value.split(',')).find_map(seconds)))
    }
}

fn seconds(preference: &str) -> Option<u64> {
    let (name, value) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
    Some(seconds.min(WAIT_SECONDS_MAX))
}

/// The transfer id in the path.
#[derive(Debug)]
pub(super) struct TransferPath(TransferId);

impl<S: Send + Sync> FromRequestParts<S> for TransferPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = |detail: String| Problem::new(MALFORMED_TRANSFER_ID, detail);
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|rejection| malformed(rejection.body_text()))?;
        text.parse()
            .map(Self)
            .map_err(|error: crate::transfer::TransferIdError| malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_found_among_preferences_and_bounded() {
        let wait = |value: &str| value.split(',').find_map(seconds);
        assert_eq!(wait("wait=5"), Some(5));
        assert_eq!(wait("respond-async, Wait = \"7\"; x=1"), Some(7));
        assert_eq!(wait("wait=999999"), Some(WAIT_SECONDS_MAX));
        for value in ["", "wait", "wait=", "wait=-1", "wait=soon", "awaited=5"] {
            assert_eq!(wait(value), None, "{value}");
        }
    }
}

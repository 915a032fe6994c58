//! The requests about accounts.

use annals::{At, Sequence};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::{AccountCommand, AccountId, OwnerName};
use crate::bank::{AccountAnswer, Bank, CommandAnswer, HistoryAnswer};
use crate::http::consistency::Answered;
use crate::http::extract::{AccountPath, Body, NoBody, Parameters};
use crate::http::idempotency::IdempotencyKey;
use crate::http::problem::{Kind, Problem};
use crate::money::{self, Money};

/// Events on one page of a history, and how many a request may ask for.
const PAGE_EVENTS_DEFAULT: usize = 100;
const PAGE_EVENTS_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct OpenAccount {
    account_id: Option<String>,
    owner_name: String,
    #[serde(deserialize_with = "money::from_integer")]
    initial_balance: Money,
}

pub(super) async fn open(
    State(bank): State<Bank>,
    IdempotencyKey(key): IdempotencyKey,
    Body(open): Body<OpenAccount>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Answered<CommandAnswer>), Problem> {
    let id = match open.account_id {
        Some(text) => AccountId::new(text)
            .map_err(|error| Problem::new(Kind::INVALID_BODY, error.to_string()))?,
        // A repeated request must come to the same account.
        None => key.map_or_else(AccountId::generate, |key| AccountId::from(*key.as_uuid())),
    };
    let owner_name = OwnerName::new(&open.owner_name)?;
    let command = AccountCommand::OpenAccount { owner_name, initial_balance: open.initial_balance };
    let answer = bank.execute(&id, command, key).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/accounts/{id}"))], answer.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Amount {
    #[serde(deserialize_with = "money::from_integer")]
    amount: Money,
}

pub(super) async fn deposit(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(Amount { amount }): Body<Amount>,
) -> Result<Answered<CommandAnswer>, Problem> {
    Ok(bank.execute(&id, AccountCommand::DepositMoney { amount }, key).await?.into())
}

pub(super) async fn withdraw(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(Amount { amount }): Body<Amount>,
) -> Result<Answered<CommandAnswer>, Problem> {
    Ok(bank.execute(&id, AccountCommand::WithdrawMoney { amount }, key).await?.into())
}

pub(super) async fn close(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    IdempotencyKey(key): IdempotencyKey,
    NoBody: NoBody,
) -> Result<Answered<CommandAnswer>, Problem> {
    Ok(bank.execute(&id, AccountCommand::CloseAccount, key).await?.into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    at_sequence: Option<Sequence>,
    at: Option<DateTime<Utc>>,
}

pub(super) async fn show(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    Parameters(moment): Parameters<Moment>,
) -> Result<Json<AccountAnswer>, Problem> {
    let at = match (moment.at_sequence, moment.at) {
        (Some(_), Some(_)) => {
            let detail = "at_sequence and at exclude each other";
            return Err(Problem::new(Kind::MALFORMED_QUERY, detail));
        }
        (Some(sequence), None) => Some(At::Sequence(sequence)),
        (None, Some(time)) => Some(At::Time(time)),
        (None, None) => None,
    };
    Ok(Json(bank.account(&id, at).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    after: Sequence,
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    PAGE_EVENTS_DEFAULT
}

/// A page of a history and the address of the next one.
#[derive(Debug, Serialize)]
pub(super) struct HistoryPage {
    #[serde(flatten)]
    page: HistoryAnswer,
    next: Option<String>,
}

pub(super) async fn history(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    Parameters(Page { after, limit }): Parameters<Page>,
) -> Result<impl IntoResponse, Problem> {
    if !(1..=PAGE_EVENTS_MAX).contains(&limit) {
        let detail = format!("limit is 1 to {PAGE_EVENTS_MAX}");
        return Err(Problem::new(Kind::MALFORMED_QUERY, detail));
    }
    let page = bank.history(&id, after, limit).await?;
    let last = page.events.last().filter(|_| page.has_more);
    let next =
        last.map(|last| format!("/accounts/{id}/history?after={}&limit={limit}", last.sequence));
    Ok(Json(HistoryPage { page, next }))
}

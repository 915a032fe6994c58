//! The requests about accounts.

use annals::{At, Sequence};
use annals_http::{Answer, Asked, Fault, Kind, Parameters, Problem, Terms};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountCommand, AccountId, OwnerName};
use crate::bank::{AccountAnswer, Bank, CommandAnswer, HistoryAnswer};
use crate::http::extract::AccountPath;
use crate::http::parameters::{OfAccount, OfLength, UnderTerms};
use crate::http::schema::{
    AccountShape, AmountShape, CommandProblems, CommandShape, HistoryShape, Malformed, NotFound,
    OpenAccountShape,
};
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

/// Open an account
#[utoipa::path(
    post,
    path = "/accounts",
    tag = "accounts",
    params(UnderTerms),
    request_body = OpenAccountShape,
    responses(
        (
            status = 201,
            description = "It is open",
            body = CommandShape,
            headers(("Location" = String, description = "The address of the account"))
        ),
        CommandProblems,
    ),
)]
pub(super) async fn open(
    State(bank): State<Bank>,
    Asked { body, terms }: Asked<OpenAccount>,
) -> Result<Answer<CommandAnswer>, Problem> {
    let id = match body.account_id {
        Some(text) => AccountId::new(text).map_err(|error| {
            let fault = Fault::new("/account_id", error.to_string());
            Problem::new(Kind::INVALID_BODY, error.to_string()).with_faults(vec![fault])
        })?,
        // A repeated request must come to the same account.
        None => match terms.command_id() {
            Some(key) => AccountId::from(*key.as_uuid()),
            None => AccountId::generate(),
        },
    };
    let owner_name = OwnerName::new(&body.owner_name)?;
    let command = AccountCommand::OpenAccount { owner_name, initial_balance: body.initial_balance };
    Ok(execute(&bank, &id, command, &terms).await?.created(format!("/accounts/{id}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Amount {
    #[serde(deserialize_with = "money::from_integer")]
    amount: Money,
}

/// Pay in
#[utoipa::path(
    post,
    path = "/accounts/{id}/deposits",
    tag = "accounts",
    params(OfAccount, UnderTerms),
    request_body = AmountShape,
    responses(
        (status = 200, description = "What came of it", body = CommandShape),
        Malformed,
        NotFound,
        CommandProblems,
    ),
)]
pub(super) async fn deposit(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    Asked { body: Amount { amount }, terms }: Asked<Amount>,
) -> Result<Answer<CommandAnswer>, Problem> {
    execute(&bank, &id, AccountCommand::DepositMoney { amount }, &terms).await
}

/// Take out
#[utoipa::path(
    post,
    path = "/accounts/{id}/withdrawals",
    tag = "accounts",
    params(OfAccount, UnderTerms),
    request_body = AmountShape,
    responses(
        (status = 200, description = "What came of it", body = CommandShape),
        Malformed,
        NotFound,
        CommandProblems,
    ),
)]
pub(super) async fn withdraw(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    Asked { body: Amount { amount }, terms }: Asked<Amount>,
) -> Result<Answer<CommandAnswer>, Problem> {
    execute(&bank, &id, AccountCommand::WithdrawMoney { amount }, &terms).await
}

/// Close an account whose balance is zero
#[utoipa::path(
    post,
    path = "/accounts/{id}/close",
    tag = "accounts",
    params(OfAccount, UnderTerms),
    responses(
        (status = 200, description = "What came of it", body = CommandShape),
        Malformed,
        NotFound,
        CommandProblems,
    ),
)]
pub(super) async fn close(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    terms: Terms,
) -> Result<Answer<CommandAnswer>, Problem> {
    execute(&bank, &id, AccountCommand::CloseAccount, &terms).await
}

async fn execute(
    bank: &Bank,
    id: &AccountId,
    command: AccountCommand,
    terms: &Terms,
) -> Result<Answer<CommandAnswer>, Problem> {
    let executed = terms.execute::<Account>(bank.app(), id, command).await?;
    Ok(bank.answer(id, &executed).await?.into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    at_sequence: Option<Sequence>,
    at: Option<DateTime<Utc>>,
}

/// An account as it is, or as it was at a moment
#[utoipa::path(
    get,
    path = "/accounts/{id}",
    tag = "accounts",
    params(
        OfAccount,
        (
            "at_sequence" = Option<u64>,
            Query,
            description = "After the event with this sequence",
            maximum = 9223372036854775807u64
        ),
        (
            "at" = Option<chrono::DateTime<Utc>>,
            Query,
            description = "After the last event that the log had by this time"
        ),
        ("If-None-Match" = Option<String>, Header, description = "What is known already"),
    ),
    responses(
        (
            status = 200,
            description = "The account",
            body = AccountShape,
            headers(("ETag" = String, description = "Its sequence"))
        ),
        (status = 304, description = "It is as it is known"),
        Malformed,
        NotFound,
    ),
)]
pub(super) async fn show(
    State(bank): State<Bank>,
    AccountPath(id): AccountPath,
    Parameters(moment): Parameters<Moment>,
) -> Result<Answer<AccountAnswer>, Problem> {
    let at = match (moment.at_sequence, moment.at) {
        (Some(_), Some(_)) => {
            let detail = "at_sequence and at exclude each other";
            return Err(Problem::new(Kind::MALFORMED_QUERY, detail));
        }
        (Some(sequence), None) => Some(At::Sequence(sequence)),
        (None, Some(time)) => Some(At::Time(time)),
        (None, None) => None,
    };
    let account = bank.account(&id, at).await?;
    let sequence = account.sequence;
    Ok(Answer::new(account).at_sequence(sequence))
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

/// What happened to an account, oldest first
#[utoipa::path(
    get,
    path = "/accounts/{id}/history",
    tag = "accounts",
    params(
        OfAccount,
        (
            "after" = Option<u64>,
            Query,
            description = "After this sequence",
            maximum = 9223372036854775807u64
        ),
        OfLength,
    ),
    responses(
        (status = 200, description = "A page of events", body = HistoryShape),
        Malformed,
        NotFound,
    ),
)]
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

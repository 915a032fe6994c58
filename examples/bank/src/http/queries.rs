//! The requests that are answered from read models.

use annals::Sequence;
use annals_http::{Answer, AtLeast, Parameters, Problem};
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::account_statement::Month;
use crate::account_summary::{AccountCursor, AccountSummaryRow, ActiveTotal};
use crate::bank::{
    AccountsPage, EntriesAfter, PageLimit, Queries, QueryAnswer, Statement, StatementsPage,
};
use crate::http::extract::{AccountPath, StatementPath};
use crate::http::parameters::{AsNewAs, OfAccount, OfLength};
use crate::http::schema::{
    AccountsShape, Malformed, NotFound, OtherLog, StatementShape, StatementsShape,
    SummaryAnswerShape, TotalShape,
};

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page<C> {
    #[serde(default = "none")]
    after: Option<C>,
    #[serde(default)]
    limit: PageLimit,
}

fn none<C>() -> Option<C> {
    None
}

/// A page and the address of the next one.
#[derive(Debug, Serialize)]
pub(super) struct WithNext<T> {
    #[serde(flatten)]
    page: QueryAnswer<T>,
    next: Option<String>,
}

fn with_next<T>(page: QueryAnswer<T>, next: Option<String>) -> Answer<WithNext<T>> {
    let token = page.consistency_token;
    Answer::new(WithNext { page, next }).with_token(token)
}

/// Active accounts, newest first
#[utoipa::path(
    get,
    path = "/accounts",
    tag = "queries",
    params(
        (
            "after" = Option<String>,
            Query,
            description = "The next_after of the page before",
            pattern = "^[0-9]{1,16}[.][A-Za-z0-9-]{1,64}$"
        ),
        OfLength,
        AsNewAs,
    ),
    responses(
        (status = 200, description = "A page of accounts", body = AccountsShape),
        Malformed,
        OtherLog,
    ),
)]
pub(super) async fn active_accounts(
    State(queries): State<Queries>,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<AccountCursor>>,
) -> Result<Answer<WithNext<AccountsPage>>, Problem> {
    let page = queries.active_accounts(after.as_ref(), limit, at_least).await?;
    let next = page.value.next_after.as_ref();
    let next = next.map(|after| format!("/accounts?after={after}&limit={limit}"));
    Ok(with_next(page, next))
}

/// What is on all active accounts together
#[utoipa::path(
    get,
    path = "/total-balance",
    tag = "queries",
    params(AsNewAs),
    responses(
        (status = 200, description = "The total", body = TotalShape),
        OtherLog,
    ),
)]
pub(super) async fn active_total(
    State(queries): State<Queries>,
    AtLeast(at_least): AtLeast,
) -> Result<Answer<QueryAnswer<ActiveTotal>>, Problem> {
    Ok(queries.active_total(at_least).await?.into())
}

/// An account as queries see it
#[utoipa::path(
    get,
    path = "/accounts/{id}/summary",
    tag = "queries",
    params(OfAccount, AsNewAs),
    responses(
        (status = 200, description = "The account", body = SummaryAnswerShape),
        Malformed,
        NotFound,
        OtherLog,
    ),
)]
pub(super) async fn summary(
    State(queries): State<Queries>,
    AccountPath(id): AccountPath,
    AtLeast(at_least): AtLeast,
) -> Result<Answer<QueryAnswer<AccountSummaryRow>>, Problem> {
    Ok(queries.account(&id, at_least).await?.into())
}

/// The months in which something moved, newest first
#[utoipa::path(
    get,
    path = "/accounts/{id}/statements",
    tag = "queries",
    params(
        OfAccount,
        (
            "after" = Option<String>,
            Query,
            description = "The next_after of the page before",
            pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$"
        ),
        OfLength,
        AsNewAs,
    ),
    responses(
        (status = 200, description = "A page of months", body = StatementsShape),
        Malformed,
        NotFound,
        OtherLog,
    ),
)]
pub(super) async fn statements(
    State(queries): State<Queries>,
    AccountPath(id): AccountPath,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<Month>>,
) -> Result<Answer<WithNext<StatementsPage>>, Problem> {
    let page = queries.statements(&id, after, limit, at_least).await?;
    let next = page.value.next_after;
    let next = next.map(|after| format!("/accounts/{id}/statements?after={after}&limit={limit}"));
    Ok(with_next(page, next))
}

/// What moved in a month
#[utoipa::path(
    get,
    path = "/accounts/{id}/statements/{period}",
    tag = "queries",
    params(
        OfAccount,
        (
            "period" = String,
            Path,
            description = "Which month, such as 2026-01",
            pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$"
        ),
        (
            "after" = Option<u64>,
            Query,
            description = "After the entry with this sequence",
            maximum = 9223372036854775807u64
        ),
        OfLength,
        AsNewAs,
    ),
    responses(
        (status = 200, description = "A page of entries", body = StatementShape),
        Malformed,
        NotFound,
        OtherLog,
    ),
)]
pub(super) async fn statement(
    State(queries): State<Queries>,
    StatementPath(id, period): StatementPath,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<Sequence>>,
) -> Result<Answer<WithNext<Statement>>, Problem> {
    let entries = EntriesAfter { period, after: after.unwrap_or_default(), limit };
    let page = queries.statement(&id, entries, at_least).await?;
    let last = page.value.entries.last().filter(|_| page.value.has_more);
    let next = last.map(|last| {
        let after = last.sequence;
        format!("/accounts/{id}/statements/{period}?after={after}&limit={limit}")
    });
    Ok(with_next(page, next))
}

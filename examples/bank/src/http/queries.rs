//! The requests that are answered from read models.

use annals::{ProjectionStatus, Sequence};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::account_statement::Month;
use crate::account_summary::{AccountCursor, AccountSummaryRow, ActiveTotal};
use crate::bank::{
    AccountsPage, EntriesAfter, PageLimit, Queries, QueryAnswer, Statement, StatementsPage,
};
use crate::http::consistency::{Answered, AtLeast};
use crate::http::extract::{AccountPath, Parameters, StatementPath};
use crate::http::problem::Problem;

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

pub(super) async fn active_accounts(
    State(queries): State<Queries>,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<AccountCursor>>,
) -> Result<Answered<WithNext<AccountsPage>>, Problem> {
    let page = queries.active_accounts(after.as_ref(), limit, at_least).await?;
    let next = page.value.next_after.as_ref();
    let next = next.map(|after| format!("/accounts?after={after}&limit={limit}"));
    Ok(Answered::query(page, |page| WithNext { page, next }))
}

pub(super) async fn active_total(
    State(queries): State<Queries>,
    AtLeast(at_least): AtLeast,
) -> Result<Answered<QueryAnswer<ActiveTotal>>, Problem> {
    Ok(queries.active_total(at_least).await?.into())
}

pub(super) async fn summary(
    State(queries): State<Queries>,
    AccountPath(id): AccountPath,
    AtLeast(at_least): AtLeast,
) -> Result<Answered<QueryAnswer<AccountSummaryRow>>, Problem> {
    Ok(queries.account(&id, at_least).await?.into())
}

pub(super) async fn statements(
    State(queries): State<Queries>,
    AccountPath(id): AccountPath,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<Month>>,
) -> Result<Answered<WithNext<StatementsPage>>, Problem> {
    let page = queries.statements(&id, after, limit, at_least).await?;
    let next = page.value.next_after;
    let next = next.map(|after| format!("/accounts/{id}/statements?after={after}&limit={limit}"));
    Ok(Answered::query(page, |page| WithNext { page, next }))
}

pub(super) async fn statement(
    State(queries): State<Queries>,
    StatementPath(id, period): StatementPath,
    AtLeast(at_least): AtLeast,
    Parameters(Page { after, limit }): Parameters<Page<Sequence>>,
) -> Result<Answered<WithNext<Statement>>, Problem> {
    let entries = EntriesAfter { period, after: after.unwrap_or_default(), limit };
    let page = queries.statement(&id, entries, at_least).await?;
    let last = page.value.entries.last().filter(|_| page.value.has_more);
    let next = last.map(|last| {
        let after = last.sequence;
        format!("/accounts/{id}/statements/{period}?after={after}&limit={limit}")
    });
    Ok(Answered::query(page, |page| WithNext { page, next }))
}

/// How all projections are getting on.
#[derive(Debug, Serialize)]
pub(super) struct ProjectionsAnswer {
    projections: Vec<ProjectionStatus>,
}

pub(super) async fn projections(
    State(queries): State<Queries>,
) -> Result<Json<ProjectionsAnswer>, Problem> {
    Ok(Json(ProjectionsAnswer { projections: queries.projections().await? }))
}

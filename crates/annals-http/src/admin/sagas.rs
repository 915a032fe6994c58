//! Looking after sagas: which instances there are, and what happened to one.

mod listed_state;
mod orders;
mod schema;
mod timers;

use std::fmt;
use std::sync::Arc;

use annals_core::{
    BoxFuture, DocumentProjection, DocumentReader, EventStore, Hosts, ReadModels, StreamId,
};
use annals_runtime::{
    SagaCursor, SagaDetail, SagaIndex, SagaList, SagaOrder, SagaOrdered, SagaPage, SagaSummary,
    Sagas, SagasError, TimerList, TimerPage,
};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::listed_state::ListedState;
use self::schema::{SagaDetailSchema, SagaSummarySchema};
use super::problems::{
    LogUnavailable, MalformedInstance, MalformedParameter, NoInstance, NoSaga,
    ReadModelsUnavailable,
};
use crate::page::{Cursor, PageLimit};
use crate::parameters::{Parameters, Segments};
use crate::problem::Problem;

/// What can be asked of the sagas of a service, and ordered, whatever their types and read
/// database: all [`Sagas`] can.
pub trait SagasAdmin: fmt::Debug + Send + Sync + 'static {
    /// As [`Sagas::list`].
    ///
    /// # Errors
    ///
    /// [`SagasError`].
    fn list(&self, list: SagaList) -> BoxFuture<'_, Result<SagaPage, SagasError>>;

    /// As [`Sagas::timers`].
    ///
    /// # Errors
    ///
    /// [`SagasError`].
    fn timers(&self, list: TimerList) -> BoxFuture<'_, Result<TimerPage, SagasError>>;

    /// As [`Sagas::show`].
    ///
    /// # Errors
    ///
    /// [`SagasError`].
    fn show<'a>(
        &'a self,
        saga: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<SagaDetail, SagasError>>;

    /// As [`Sagas::order`].
    ///
    /// # Errors
    ///
    /// [`SagasError`].
    fn order<'a>(
        &'a self,
        saga: &'a str,
        id: &'a str,
        order: SagaOrder,
    ) -> BoxFuture<'a, Result<SagaOrdered, SagasError>>;
}

impl<S, D> SagasAdmin for Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    fn list(&self, list: SagaList) -> BoxFuture<'_, Result<SagaPage, SagasError>> {
        Box::pin(async move { self.list(&list).await })
    }

    fn timers(&self, list: TimerList) -> BoxFuture<'_, Result<TimerPage, SagasError>> {
        Box::pin(async move { self.timers(&list).await })
    }

    fn show<'a>(
        &'a self,
        saga: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<SagaDetail, SagasError>> {
        Box::pin(self.show(saga, id))
    }

    fn order<'a>(
        &'a self,
        saga: &'a str,
        id: &'a str,
        order: SagaOrder,
    ) -> BoxFuture<'a, Result<SagaOrdered, SagasError>> {
        Box::pin(self.order(saga, id, order))
    }
}

/// The sagas, and the log that orders for them are in.
#[derive(Debug, Clone)]
struct Of {
    sagas: Arc<dyn SagasAdmin>,
    store: Arc<dyn EventStore>,
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    sagas: &Arc<dyn SagasAdmin>,
    store: &Arc<dyn EventStore>,
) -> OpenApiRouter<S> {
    let of = Of { sagas: Arc::clone(sagas), store: Arc::clone(store) };
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show))
        .merge(timers::routes())
        .merge(orders::routes())
        .with_state(of)
}

/// Which instances are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SagasParameters {
    /// Of this saga only
    saga: Option<String>,
    /// In this state only; those that wait for an operator are listed as parked
    #[param(inline)]
    state: Option<ListedState>,
    /// Only those that began before this
    began_before: Option<DateTime<Utc>>,
    /// Newest first
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    newest_first: bool,
    /// The `next_after` of the page before
    #[param(value_type = Option<String>)]
    after: Option<Cursor<SagaCursor>>,
    /// At most so many, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
}

/// A page of instances.
#[derive(Debug, Serialize, ToSchema)]
struct SagasBody {
    /// The instances, oldest first unless asked otherwise.
    #[schema(value_type = Vec<SagaSummarySchema>)]
    sagas: Vec<SagaSummary>,
    /// The `after` of the next page, if there may be one.
    #[schema(value_type = Option<String>)]
    next_after: Option<Cursor<SagaCursor>>,
}

/// List instances of sagas by saga, state and age, oldest first
#[utoipa::path(
    get,
    path = "/sagas",
    tag = "admin",
    params(SagasParameters),
    responses(
        (status = 200, description = "A page of instances", body = SagasBody),
        MalformedParameter,
        NoSaga,
        ReadModelsUnavailable,
    )
)]
async fn list(
    State(of): State<Of>,
    Parameters(parameters): Parameters<SagasParameters>,
) -> Result<Json<SagasBody>, Problem> {
    let SagasParameters { saga, state, began_before, newest_first, after, limit } = parameters;
    let list = SagaList {
        saga,
        state: state.map(|ListedState(state)| state),
        began_before,
        is_newest_first: newest_first,
        after: after.map(|Cursor(place)| place),
        limit: limit.get(),
    };
    let page = of.sagas.list(list).await?;
    Ok(Json(SagasBody { sagas: page.instances, next_after: page.next.map(Cursor) }))
}

/// Names an instance: which saga, and which instance of it.
type Instance = Segments<(String, String)>;

/// The same, as it is described.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only described")]
struct InstanceParameters {
    /// Which saga
    #[param(pattern = "^[A-Za-z0-9_.:-]{1,48}$")]
    saga: String,
    /// Which instance of it
    #[param(pattern = r"^[^\x00-\x1f\x7f-\x9f]{1,63}$")]
    id: String,
}

/// One instance: what it waits for and since when, and what happened to it
#[utoipa::path(
    get,
    path = "/sagas/{saga}/{id}",
    tag = "admin",
    params(InstanceParameters),
    responses(
        (status = 200, description = "The instance as it is now", body = SagaDetailSchema),
        MalformedInstance,
        NoInstance,
        LogUnavailable,
    )
)]
async fn show(
    State(of): State<Of>,
    Segments((saga, id)): Instance,
) -> Result<Json<SagaDetail>, Problem> {
    check(&saga, &id)?;
    Ok(Json(of.sagas.show(&saga, &id).await?))
}

/// Whether an instance can have this name.
fn check(saga: &str, id: &str) -> Result<(), Problem> {
    StreamId::new(saga, id)?;
    Ok(())
}

//! The timers of sagas.

use annals_runtime::{SagaCursor, SagaTimer, TimerList, TimerState};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Of;
use super::schema::{SagaTimerSchema, TimerStateSchema};
use crate::admin::problems::{MalformedParameter, ReadModelsUnavailable};
use crate::page::{Cursor, PageLimit};
use crate::parameters::Parameters;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Of> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Which timers are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimersParameters {
    /// Only those that are due, or only those whose time is to come
    #[param(value_type = Option<TimerStateSchema>, inline)]
    state: Option<TimerState>,
    /// The `next_after` of the page before
    #[param(value_type = Option<String>)]
    after: Option<Cursor<SagaCursor>>,
    /// At most those of so many instances, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
}

/// A page of timers.
#[derive(Debug, Serialize, ToSchema)]
struct TimersBody {
    /// The timers by instance, first that whose next one is due first.
    #[schema(value_type = Vec<SagaTimerSchema>)]
    timers: Vec<SagaTimer>,
    /// The `after` of the next page, if there may be one. A page may have no timers and still have
    /// more to come.
    #[schema(value_type = Option<String>)]
    next_after: Option<Cursor<SagaCursor>>,
}

/// List the timers of sagas, by instance, those that are due first
#[utoipa::path(
    get,
    path = "/timers",
    tag = "admin",
    params(TimersParameters),
    responses(
        (status = 200, description = "A page of timers", body = TimersBody),
        MalformedParameter,
        ReadModelsUnavailable,
    )
)]
async fn list(
    State(of): State<Of>,
    Parameters(TimersParameters { state, after, limit }): Parameters<TimersParameters>,
) -> Result<Json<TimersBody>, Problem> {
    let after = after.map(|Cursor(place)| place);
    let page = of.sagas.timers(TimerList { state, after, limit: limit.get() }).await?;
    Ok(Json(TimersBody { timers: page.timers, next_after: page.next.map(Cursor) }))
}

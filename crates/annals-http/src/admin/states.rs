//! The states of aggregates, now and then.

use annals_core::{Position, Sequence};
use annals_runtime::At;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Aggregates;
use super::problems::{LogUnavailable, MalformedAddress, NoState};
use crate::answer::Answer;
use crate::parameters::{Parameters, Segments};
use crate::problem::{Kind, Problem};

pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    aggregates: &Aggregates,
) -> OpenApiRouter<S> {
    OpenApiRouter::default()
        .routes(routes!(types))
        .routes(routes!(show))
        .with_state(aggregates.clone())
}

/// The types of aggregates this service knows.
#[derive(Debug, Serialize, ToSchema)]
struct TypesBody {
    /// Their names.
    aggregate_types: Vec<&'static str>,
}

/// Which types of aggregates there are
#[utoipa::path(
    get,
    path = "/aggregates",
    tag = "admin",
    responses((status = 200, description = "Their names", body = TypesBody)),
)]
async fn types(State(aggregates): State<Aggregates>) -> Json<TypesBody> {
    Json(TypesBody { aggregate_types: aggregates.types() })
}

/// At which moment; at most one of them, and now without.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Moment {
    /// After the event with this sequence
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    at_sequence: Option<Sequence>,
    /// After the last event up to this position
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    at_position: Option<Position>,
    /// After the last event that the log had by this time
    at: Option<DateTime<Utc>>,
}

impl Moment {
    fn at(&self) -> Result<Option<At>, Problem> {
        match (self.at_sequence, self.at_position, self.at) {
            (None, None, None) => Ok(None),
            (Some(sequence), None, None) => Ok(Some(At::Sequence(sequence))),
            (None, Some(position), None) => Ok(Some(At::Position(position))),
            (None, None, Some(time)) => Ok(Some(At::Time(time))),
            _ => {
                let detail = "at_sequence, at_position and at exclude each other";
                Err(Problem::new(Kind::MALFORMED_QUERY, detail))
            }
        }
    }
}

/// The state of an aggregate.
#[derive(Debug, Serialize, ToSchema)]
struct StateBody {
    /// What kind of aggregate it is.
    aggregate_type: String,
    /// Which aggregate.
    aggregate_id: String,
    /// The last event it contains.
    #[schema(value_type = u64)]
    sequence: Sequence,
    /// The state, as snapshots have it.
    state: serde_json::Value,
}

/// The state of an aggregate, now or at a moment
#[utoipa::path(
    get,
    path = "/aggregates/{aggregate_type}/{aggregate_id}",
    tag = "admin",
    params(
        ("aggregate_type" = String, Path, description = "What kind of aggregate it is"),
        ("aggregate_id" = String, Path, description = "Which aggregate"),
        Moment,
    ),
    responses(
        (status = 200, description = "Its state", body = StateBody),
        (status = 304, description = "Its state is the one that is known"),
        MalformedAddress,
        NoState,
        LogUnavailable,
    )
)]
async fn show(
    State(aggregates): State<Aggregates>,
    Segments((aggregate_type, aggregate_id)): Segments<(String, String)>,
    Parameters(moment): Parameters<Moment>,
) -> Result<Answer<StateBody>, Problem> {
    let loaded = aggregates.load(&aggregate_type, aggregate_id.clone(), moment.at()?).await?;
    let sequence = loaded.sequence;
    let body = StateBody { aggregate_type, aggregate_id, sequence, state: loaded.value };
    Ok(Answer::new(body).at_sequence(sequence))
}

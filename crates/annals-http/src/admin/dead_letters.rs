//! What could not be processed.

use std::sync::Arc;

use annals_core::{DeadLetter, DeadLetterId, DeadLetterQuery, DeadLetterRequest};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problems::{
    LargeBody, MalformedDiscard, MalformedLetter, MalformedParameter, NoLetter, NoReason,
    NotBlocking, NotJson, ReadModelsUnavailable, SlowBody,
};
use super::schema::DeadLetterSchema;
use super::why::Why;
use super::{Operator, ProjectionsAdmin};
use crate::body::Body;
use crate::page::PageLimit;
use crate::parameters::{Parameters, Segments};
use crate::problem::Problem;

type Of = Arc<dyn ProjectionsAdmin>;

pub(super) fn routes<S: Clone + Send + Sync + 'static>(projections: &Of) -> OpenApiRouter<S> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(retry_all))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(discard))
        .with_state(Arc::clone(projections))
}

/// Which dead letters are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LettersParameters {
    /// Of this projection only
    projection: Option<String>,
    /// The discarded ones instead of those that block a stream
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    discarded: bool,
    /// Those after this one
    #[param(value_type = Option<uuid::Uuid>)]
    after: Option<DeadLetterId>,
    /// At most so many, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
struct LettersBody {
    /// The dead letters, oldest first.
    #[schema(value_type = Vec<DeadLetterSchema>)]
    dead_letters: Vec<DeadLetter>,
    /// The `after` of the next page, if there may be one.
    #[schema(value_type = Option<uuid::Uuid>)]
    next_after: Option<DeadLetterId>,
}

/// Look through what could not be processed, oldest first
#[utoipa::path(
    get,
    path = "/dead-letters",
    tag = "admin",
    params(LettersParameters),
    responses(
        (status = 200, description = "A page of dead letters", body = LettersBody),
        MalformedParameter,
        ReadModelsUnavailable,
    )
)]
async fn list(
    State(projections): State<Of>,
    Parameters(parameters): Parameters<LettersParameters>,
) -> Result<Json<LettersBody>, Problem> {
    let query = DeadLetterQuery {
        projection: parameters.projection,
        is_discarded: parameters.discarded,
        after: parameters.after,
        limit: parameters.limit.get(),
    };
    let dead_letters = projections.read_models().dead_letters(query).await?;
    let is_full = dead_letters.len() == parameters.limit.get();
    let next_after = dead_letters.last().filter(|_| is_full).map(|letter| letter.id);
    Ok(Json(LettersBody { dead_letters, next_after }))
}

/// One dead letter
#[utoipa::path(
    get,
    path = "/dead-letters/{id}",
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Its name")),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterSchema),
        MalformedLetter,
        NoLetter,
        ReadModelsUnavailable,
    )
)]
async fn show(
    State(projections): State<Of>,
    Segments(id): Segments<DeadLetterId>,
) -> Result<Json<DeadLetter>, Problem> {
    Ok(Json(projections.read_models().dead_letter(id).await?))
}

/// Have it tried again, and whatever is queued behind it
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/retry",
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Its name")),
    responses(
        (status = 202, description = "It will be tried"),
        MalformedLetter,
        NotBlocking,
        ReadModelsUnavailable,
    )
)]
async fn retry(
    State(projections): State<Of>,
    Segments(id): Segments<DeadLetterId>,
    Operator(by): Operator,
) -> Result<StatusCode, Problem> {
    projections.request(id, DeadLetterRequest::Retry { by }).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Why an event is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct DiscardBody {
    /// The reason, which is kept.
    #[schema(value_type = String, max_length = 1000, pattern = r"^[^\x00]*[^\x00\s][^\x00]*$")]
    why: Why,
}

/// Have the event left out, and what is queued behind it processed
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/discard",
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Its name")),
    request_body = DiscardBody,
    responses(
        (status = 202, description = "It will be left out"),
        MalformedDiscard,
        NotBlocking,
        SlowBody,
        LargeBody,
        NotJson,
        NoReason,
        ReadModelsUnavailable,
    )
)]
async fn discard(
    State(projections): State<Of>,
    Segments(id): Segments<DeadLetterId>,
    Operator(by): Operator,
    Body(DiscardBody { why: Why(why) }): Body<DiscardBody>,
) -> Result<StatusCode, Problem> {
    projections.request(id, DeadLetterRequest::Discard { by, why }).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Which dead letters are to be tried again.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RetryParameters {
    /// Of this projection only
    projection: Option<String>,
}

/// How many will be tried again.
#[derive(Debug, Serialize, ToSchema)]
struct RetryBody {
    /// How many.
    count: u64,
}

/// Have all of them tried again, of one projection or of all
#[utoipa::path(
    post,
    path = "/dead-letters/retry",
    tag = "admin",
    params(RetryParameters),
    responses(
        (status = 202, description = "They will be tried", body = RetryBody),
        MalformedParameter,
        ReadModelsUnavailable,
    )
)]
async fn retry_all(
    State(projections): State<Of>,
    Operator(by): Operator,
    Parameters(parameters): Parameters<RetryParameters>,
) -> Result<(StatusCode, Json<RetryBody>), Problem> {
    let count = projections.retry_all(parameters.projection, by).await?;
    Ok((StatusCode::ACCEPTED, Json(RetryBody { count })))
}

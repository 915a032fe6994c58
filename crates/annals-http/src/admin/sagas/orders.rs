//! What operators have instances of sagas do.

use annals_core::{CommandId, ConsistencyToken, Sequence};
use annals_runtime::SagaOrder;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Instance, InstanceParameters, Of, check};
use crate::admin::Operator;
use crate::admin::problems::{MalformedOrder, NoInstance};
use crate::admin::why::Why;
use crate::answer::Answer;
use crate::openapi::CommandProblems;
use crate::parameters::Segments;
use crate::problem::Problem;
use crate::terms::{Asked, Terms};

pub(super) fn routes() -> OpenApiRouter<Of> {
    OpenApiRouter::default()
        .routes(routes!(retry))
        .routes(routes!(compensate))
        .routes(routes!(abandon))
}

/// Under which terms.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
struct OrderHeaders {
    /// Makes the request safe to repeat
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
    /// The sequence the instance must be at, such as "5"
    #[param(rename = "If-Match", pattern = "^\"[1-9][0-9]{0,17}\"$")]
    if_match: Option<String>,
}

/// Why something is tried again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct SagaRetryBody {
    /// The reason, which is kept.
    #[schema(
        value_type = Option<String>,
        nullable = false,
        max_length = 1000,
        pattern = r"^[^\x00]*[^\x00\s][^\x00]*$"
    )]
    why: Option<Why>,
}

/// Why an instance is not to go on as it would.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct SagaOrderBody {
    /// The reason, which is kept.
    #[schema(value_type = String, max_length = 1000, pattern = r"^[^\x00]*[^\x00\s][^\x00]*$")]
    why: Why,
}

/// An order that is in the log.
#[derive(Debug, Serialize, ToSchema)]
struct SagaOrderedBody {
    /// Which saga.
    saga: String,
    /// Which instance of it.
    id: String,
    /// Its place in the instance's history.
    #[schema(value_type = u64)]
    sequence: Sequence,
    /// Presented to a query, it is answered only from read models that know of the order.
    #[schema(value_type = String)]
    consistency_token: ConsistencyToken,
    /// What the order is called.
    #[schema(value_type = uuid::Uuid)]
    command_id: CommandId,
    /// It had been given before, and nothing more was written.
    repeated: bool,
}

/// Have everything tried again that waits for an operator
#[utoipa::path(
    post,
    path = "/sagas/{saga}/{id}/retry",
    tag = "admin",
    params(InstanceParameters, OrderHeaders),
    request_body = SagaRetryBody,
    responses(
        (status = 202, description = "It will be tried", body = SagaOrderedBody),
        MalformedOrder,
        NoInstance,
        CommandProblems,
    )
)]
async fn retry(
    State(of): State<Of>,
    Segments((saga, id)): Instance,
    Operator(by): Operator,
    Asked { body: SagaRetryBody { why }, terms }: Asked<SagaRetryBody>,
) -> Result<Answer<SagaOrderedBody>, Problem> {
    let why = why.map(|Why(why)| why).unwrap_or_default();
    Ok(give(&of, (saga, id), SagaOrder::retry(by, why), &terms).await?.accepted())
}

/// Have an instance fail, and what it did undone
#[utoipa::path(
    post,
    path = "/sagas/{saga}/{id}/compensate",
    tag = "admin",
    params(InstanceParameters, OrderHeaders),
    request_body = SagaOrderBody,
    responses(
        (status = 202, description = "It will be undone", body = SagaOrderedBody),
        MalformedOrder,
        NoInstance,
        CommandProblems,
    )
)]
async fn compensate(
    State(of): State<Of>,
    Segments((saga, id)): Instance,
    Operator(by): Operator,
    Asked { body: SagaOrderBody { why: Why(why) }, terms }: Asked<SagaOrderBody>,
) -> Result<Answer<SagaOrderedBody>, Problem> {
    Ok(give(&of, (saga, id), SagaOrder::compensate(by, why), &terms).await?.accepted())
}

/// End an instance as it is
///
/// A step that is being tried at this moment may still take effect.
#[utoipa::path(
    post,
    path = "/sagas/{saga}/{id}/abandon",
    tag = "admin",
    params(InstanceParameters, OrderHeaders),
    request_body = SagaOrderBody,
    responses(
        (status = 200, description = "It has ended", body = SagaOrderedBody),
        MalformedOrder,
        NoInstance,
        CommandProblems,
    )
)]
async fn abandon(
    State(of): State<Of>,
    Segments((saga, id)): Instance,
    Operator(by): Operator,
    Asked { body: SagaOrderBody { why: Why(why) }, terms }: Asked<SagaOrderBody>,
) -> Result<Answer<SagaOrderedBody>, Problem> {
    give(&of, (saga, id), SagaOrder::abandon(by, why), &terms).await
}

/// Gives an order once, however often it is asked for under one key.
async fn give(
    of: &Of,
    (saga, id): (String, String),
    order: SagaOrder,
    terms: &Terms,
) -> Result<Answer<SagaOrderedBody>, Problem> {
    check(&saga, &id)?;
    let mut order = order.context(terms.metadata().clone());
    if let Some(command_id) = terms.command_id() {
        order = order.command_id(command_id);
    }
    if let Some(sequence) = terms.expected() {
        order = order.expect_sequence(sequence);
    }
    let ordered = of.sagas.order(&saga, &id, order).await?;
    terms.check(&*of.store, ordered.repeated).await?;
    let (sequence, consistency_token) = (ordered.sequence, ordered.token);
    let body = SagaOrderedBody {
        saga,
        id,
        sequence,
        consistency_token,
        command_id: ordered.command_id,
        repeated: ordered.repeated,
    };
    Ok(Answer::new(body).at_sequence(sequence).with_token(consistency_token))
}

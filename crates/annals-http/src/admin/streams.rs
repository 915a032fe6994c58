//! The streams: which there are, and what is in one.

use std::sync::Arc;

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{EventStore, Position, Read, Sequence, StreamId};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::log::{self, EventsBody};
use super::problems::{LogUnavailable, MalformedAddress, MalformedParameter};
use crate::page::PageLimit;
use crate::parameters::{Parameters, Segments};
use crate::problem::Problem;

type Store = Arc<dyn EventStore>;

/// Stretches of the log that one page of streams looks through. A log of few long streams has
/// pages with few streams, not requests that take for ever.
const STRETCHES_MAX: usize = 4;

pub(super) fn routes<S: Clone + Send + Sync + 'static>(store: &Store) -> OpenApiRouter<S> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(events))
        .with_state(Arc::clone(store))
}

/// Which streams are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamsParameters {
    /// Those that begin after this position
    #[serde(default)]
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    after: Position,
    /// At most so many, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
    /// Of aggregates of this type
    aggregate_type: Option<String>,
}

/// Where a stream begins.
#[derive(Debug, Serialize, ToSchema)]
struct StreamBody {
    /// What kind of aggregate it is.
    aggregate_type: String,
    /// Which aggregate.
    aggregate_id: String,
    /// The place of its first event in the log.
    #[schema(value_type = u64)]
    first_position: Position,
    /// When the log took that.
    began_at: DateTime<Utc>,
}

/// A page of streams.
#[derive(Debug, Serialize, ToSchema)]
struct StreamsBody {
    /// The streams, in the order in which they began.
    streams: Vec<StreamBody>,
    /// Where to go on: the `after` of the next page.
    #[schema(value_type = u64)]
    through: Position,
    /// Whether there may be more. A page may have no streams and still have more to come.
    has_more: bool,
}

/// Look through the streams, in the order in which they began
#[utoipa::path(
    get,
    path = "/streams",
    tag = "admin",
    params(StreamsParameters),
    responses(
        (status = 200, description = "A page of streams", body = StreamsBody),
        MalformedParameter,
        LogUnavailable,
    )
)]
async fn list(
    State(store): State<Store>,
    Parameters(parameters): Parameters<StreamsParameters>,
) -> Result<Json<StreamsBody>, Problem> {
    let first = Sequence::ZERO.plus(1);
    let mut body = StreamsBody { streams: Vec::new(), through: parameters.after, has_more: true };
    for _ in 0..STRETCHES_MAX {
        let page = store.read(Read::all().after(body.through).limit(PAGE_EVENTS_MAX)).await?;
        for event in page.events.into_iter().filter(|event| event.sequence == first) {
            let kind = event.stream.aggregate_type();
            if parameters.aggregate_type.as_deref().is_some_and(|asked| asked != kind) {
                continue;
            }
            body.streams.push(StreamBody {
                aggregate_type: kind.to_owned(),
                aggregate_id: event.stream.aggregate_id().to_owned(),
                first_position: event.position,
                began_at: event.timestamp,
            });
            if body.streams.len() == parameters.limit.get() {
                body.through = event.position;
                return Ok(Json(body));
            }
        }
        (body.through, body.has_more) = (page.through, page.has_more);
        if !body.has_more {
            break;
        }
    }
    Ok(Json(body))
}

/// Which events of a stream are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamParameters {
    /// Those after this sequence
    #[serde(default)]
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    after: Sequence,
    /// At most so many, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
}

/// The events of one stream, oldest first
#[utoipa::path(
    get,
    path = "/streams/{aggregate_type}/{aggregate_id}",
    tag = "admin",
    params(
        (
            "aggregate_type" = String,
            Path,
            description = "What kind of aggregate it is",
            pattern = "^[A-Za-z0-9_.:-]{1,64}$"
        ),
        ("aggregate_id" = String, Path, description = "Which aggregate"),
        StreamParameters,
    ),
    responses(
        (
            status = 200,
            description = "A page of its events; none if there is no such stream",
            body = EventsBody
        ),
        MalformedAddress,
        LogUnavailable,
    )
)]
async fn events(
    State(store): State<Store>,
    Segments((kind, id)): Segments<(String, String)>,
    Parameters(parameters): Parameters<StreamParameters>,
) -> Result<Response, Problem> {
    let stream = StreamId::new(kind, id)?;
    let read = Read::stream(stream, parameters.after).limit(parameters.limit.get());
    log::page(&*store, read).await
}

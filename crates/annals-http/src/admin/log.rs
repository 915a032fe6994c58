//! The log: its end, and the events in it.

use std::sync::Arc;

use annals_core::{
    EventQuery, EventStore, EventType, LogId, Position, QueryItem, Read, RecordedEvent, StreamId,
    Tag,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problems::{LogUnavailable, MalformedParameter, MalformedPosition, NoPosition};
use crate::event::EventBody;
use crate::page::PageLimit;
use crate::parameters::{Parameters, Segments};
use crate::problem::{Kind, Problem};

type Store = Arc<dyn EventStore>;

pub(super) fn routes<S: Clone + Send + Sync + 'static>(store: &Store) -> OpenApiRouter<S> {
    OpenApiRouter::default()
        .routes(routes!(head))
        .routes(routes!(list))
        .routes(routes!(show))
        .with_state(Arc::clone(store))
}

/// Which log it is, and where it ends.
#[derive(Debug, Serialize, ToSchema)]
struct LogBody {
    /// Its name, which no other log has.
    #[schema(value_type = uuid::Uuid)]
    log_id: LogId,
    /// The position of the last event, 0 if there is none.
    #[schema(value_type = u64)]
    head: Position,
}

/// Which log it is, and where it ends
#[utoipa::path(
    get,
    path = "/log",
    tag = "admin",
    responses(
        (status = 200, description = "The log", body = LogBody),
        LogUnavailable,
    )
)]
async fn head(State(store): State<Store>) -> Result<Json<LogBody>, Problem> {
    Ok(Json(LogBody { log_id: store.log_id(), head: store.head().await? }))
}

/// Which events are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsParameters {
    /// Those after this position
    #[serde(default)]
    #[param(value_type = Option<u64>, maximum = 9223372036854775807u64)]
    after: Position,
    /// At most so many, 1 to 1,000; 100 if it is left out
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: PageLimit,
    /// Of these types, at most 64, with commas between them
    event_types: Option<String>,
    /// Of this aggregate; both or none
    aggregate_type: Option<String>,
    /// Of this aggregate; both or none
    aggregate_id: Option<String>,
    /// With this tag, such as `owner:alice`
    tag: Option<String>,
}

impl EventsParameters {
    fn query(&self) -> Result<EventQuery, Problem> {
        let mut item = QueryItem::new();
        for name in self.event_types.iter().flat_map(|types| types.split(',')) {
            item = item.event_type(EventType::new(name)?);
        }
        match (&self.aggregate_type, &self.aggregate_id) {
            (Some(kind), Some(id)) => {
                item = item.stream(StreamId::new(kind.as_str(), id.as_str())?);
            }
            (None, None) => {}
            _ => {
                let detail = "aggregate_type and aggregate_id go together";
                return Err(Problem::new(Kind::MALFORMED_QUERY, detail));
            }
        }
        if let Some(tag) = &self.tag {
            item = item.tag(Tag::parse(tag.as_str())?);
        }
        match item == QueryItem::new() {
            true => Ok(EventQuery::all()),
            false => Ok(EventQuery::any_of([item])?),
        }
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsBody<'a> {
    /// The events, oldest first.
    pub(super) events: Vec<EventBody<'a>>,
    /// Where to go on: the `after` of the next page.
    #[schema(value_type = u64)]
    pub(super) through: Position,
    /// Whether there is more. A page may have no events and still have more to come.
    pub(super) has_more: bool,
}

/// Look through the events of the log, oldest first
#[utoipa::path(
    get,
    path = "/events",
    tag = "admin",
    params(EventsParameters),
    responses(
        (status = 200, description = "A page of events", body = EventsBody),
        MalformedParameter,
        LogUnavailable,
    )
)]
async fn list(
    State(store): State<Store>,
    Parameters(parameters): Parameters<EventsParameters>,
) -> Result<Response, Problem> {
    let query = parameters.query().map_err(in_query)?;
    let read = Read::query(query).after(parameters.after).limit(parameters.limit.get());
    page(&*store, read).await
}

/// Names and ids in the query are no part of the path.
pub(super) fn in_query(problem: Problem) -> Problem {
    problem.with_kind(Kind::MALFORMED_QUERY)
}

pub(super) async fn page(store: &dyn EventStore, read: Read) -> Result<Response, Problem> {
    let page = store.read(read).await?;
    let events = page.events.iter().map(EventBody::new).collect();
    let body = EventsBody { events, through: page.through, has_more: page.has_more };
    Ok(Json(body).into_response())
}

/// An event by its position
#[utoipa::path(
    get,
    path = "/events/{position}",
    tag = "admin",
    params(("position" = u64, Path, description = "Its place in the log")),
    responses(
        (status = 200, description = "The event", body = EventBody),
        MalformedPosition,
        NoPosition,
        LogUnavailable,
    )
)]
async fn show(
    State(store): State<Store>,
    Segments(position): Segments<Position>,
) -> Result<Response, Problem> {
    let read = Read::all().after(position.before()).up_to(position).limit(1);
    let page = store.read(read).await?;
    let event = page.events.first().filter(|event| event.position == position);
    let missing = || Problem::new(Kind::NOT_FOUND, format!("there is no position {position} yet"));
    let event: &RecordedEvent = event.ok_or_else(missing)?;
    Ok(Json(EventBody::new(event)).into_response())
}

//! What happens, told as it happens: server-sent events.

mod client;
mod credential;
mod frame;
mod hub;
mod selection;

use std::sync::Arc;
use std::time::Duration;

use annals_core::{EventStore, Position};
use annals_runtime::SubscriptionError;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::client::Client;
use self::credential::Credential;
use self::hub::Hub;
use self::selection::FeedParameters;
use crate::auth::Authentication;
use crate::parameters::Parameters;
use crate::problem::{Fault, Kind, Problem, ProblemBody};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Bounds of a [`Feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedOptions {
    /// Most clients at once; another one is answered 503. Each costs about 30 KB, most of it in the
    /// connection.
    pub clients_max: usize,
    /// A client that was sent nothing for so long is sent its place, so that both sides notice when
    /// the other is gone. Proxies usually give up after 30 to 60 seconds.
    pub heartbeat: Duration,
    /// A client whose key or token is not accepted any more is told nothing more after so long, and
    /// is cut off with the next event or heartbeat. Looking at a token costs about a tenth of a
    /// millisecond.
    pub credentials_within: Duration,
    /// Most clients that read what they have missed at the same time; others wait for their turn.
    /// The log has other readers.
    pub readers_max: usize,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            heartbeat: Duration::from_secs(15),
            credentials_within: Duration::from_secs(15),
            readers_max: 8,
        }
    }
}

/// The live feed of a log: `GET /events`.
///
/// # Guarantee
///
/// A client gets every event that it selects, once, in the order of positions, from the place it
/// names on: by `Last-Event-ID` (which browsers send by themselves when they connect again), by the
/// parameter `after`, or from now on. Each event's id is its position.
///
/// # Bounds
///
/// One task reads the log for all clients that are up to date, however many. What it has read lies
/// in one ring of at most 32 MiB that all share. A client that is so slow that the ring has gone
/// round before it has read on is cut off, and connects again by the id of its last event; so
/// is one that takes nothing at all for as long as
/// [`ServerOptions::write_within`](crate::ServerOptions::write_within).
///
/// Cloning shares it.
#[derive(Debug, Clone)]
pub struct Feed {
    hub: Arc<Hub>,
    authentication: Authentication,
}

impl Feed {
    /// The feed of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, options: FeedOptions) -> Self {
        let authentication = Authentication::new();
        Self { hub: Arc::new(Hub::new(store, options)), authentication }
    }

    /// Tells nothing more to clients who would not be let in again: whose key is revoked, or whose
    /// token has expired, while they are connected.
    #[must_use]
    pub fn with_authentication(self, authentication: Authentication) -> Self {
        Self { authentication, ..self }
    }

    /// Follows the log until `shutdown` is ready. Clients wait until it runs, and are cut off when
    /// it ends. A log that cannot be read is tried again.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`] if the log is not the one any more that was read before.
    pub async fn run(
        &self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SubscriptionError> {
        self.hub.run(shutdown).await
    }

    /// Whether it follows the log.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.hub.is_live()
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.hub.clients()
    }

    /// The route `/events`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> OpenApiRouter<S> {
        OpenApiRouter::default().routes(routes!(events)).with_state(self.clone())
    }
}

/// Follow what happens, as server-sent events
///
/// Each event is `id: POSITION` and `data: JSON`. Without a place to begin at, only what happens
/// from now on is sent.
#[utoipa::path(
    get,
    path = "/events",
    tag = "feed",
    params(
        FeedParameters,
        ("Last-Event-ID" = Option<u64>, Header, description = "Begin after this position"),
    ),
    responses(
        (
            status = 200,
            description = "What happens, without end",
            content_type = "text/event-stream",
            body = String
        ),
        (
            status = 400,
            description = "A parameter or header is malformed",
            content_type = "application/problem+json",
            body = ProblemBody
        ),
        (
            status = 412,
            description = "The log has not come to that place",
            content_type = "application/problem+json",
            body = ProblemBody
        ),
        (
            status = 503,
            description = "There are too many clients, or the log is unavailable",
            content_type = "application/problem+json",
            body = ProblemBody
        ),
    )
)]
async fn events(
    State(feed): State<Feed>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<FeedParameters>,
) -> Result<Response, Problem> {
    let after = match last_event_id(&headers)? {
        Some(position) => Some(position),
        None => parameters.after,
    };
    let credential = Credential::new(feed.authentication, &headers);
    let client = Client::connect(&feed.hub, credential, parameters.selection()?, after).await?;
    let mut response = Body::from_stream(client.into_stream()).into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells proxies of the nginx family to hand on what they get at once.
    answer.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let number = value.to_str().ok().filter(|_| values.next().is_none());
    let position = number.and_then(|text| text.parse().ok()).map(Position::new);
    match position {
        Some(Ok(position)) => Ok(Some(position)),
        _ => {
            let detail = "there may be one last-event-id, the position of an event";
            let fault = Fault::new(LAST_EVENT_ID.as_str(), detail);
            Err(Problem::new(Kind::MALFORMED_HEADER, detail).with_faults(vec![fault]))
        }
    }
}

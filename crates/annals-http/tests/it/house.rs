//! The service, listening on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{ConsistencyToken, DocumentProjection, EventStore, MemoryStore, Sequence};
use annals_http::{
    Admin, Aggregates, Answer, Asked, AtLeast, Feed, FeedOptions, Health, Parameters, Problem,
    Segments, Server, ServerOptions, Service, ServiceOptions, documentation,
};
use annals_runtime::{App, Projections};
use annals_testing::MemoryReadModels;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::client::{self, Answer as Said, request, send};
use crate::counter::{CountUp, Counter, Counts};
use crate::escalation;

/// How it is set up.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) service: ServiceOptions,
    pub(crate) server: ServerOptions,
    pub(crate) feed: FeedOptions,
    /// Whether somebody keeps the read model up to date.
    pub(crate) is_projecting: bool,
    /// Whether somebody runs the sagas too.
    pub(crate) has_sagas: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            service: ServiceOptions::default(),
            server: ServerOptions::default(),
            feed: FeedOptions::default(),
            is_projecting: false,
            has_sagas: false,
        }
    }
}

pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) feed: Feed,
    /// A request to `/slow` takes a permit when it has begun, and needs one to end.
    pub(crate) begun: Arc<Semaphore>,
    pub(crate) may_end: Arc<Semaphore>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    projecting: Option<JoinHandle<()>>,
}

type TestProjections = Projections<MemoryReadModels>;

#[derive(Clone)]
struct App1 {
    app: App<()>,
    projections: TestProjections,
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Plan::default()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let store = Arc::clone(&plan.store);
        let models = Arc::new(MemoryReadModels::new());
        let projections =
            Projections::new(Arc::clone(&store), models).with(DocumentProjection(Counts));
        let app = App::new(Arc::clone(&store), ());
        let feed = Feed::new(Arc::clone(&store), plan.feed);
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let state = App1 {
            app: app.clone(),
            projections: projections.clone(),
            begun: Arc::clone(&begun),
            may_end: Arc::clone(&may_end),
        };
        let sagas = escalation::sagas(&app, &projections);
        let admin = Admin::new(Arc::clone(&store))
            .aggregates(Aggregates::default().with::<Counter>(&app))
            .projections(Arc::new(projections.clone()))
            .sagas(Arc::new(sagas.clone()));
        let health = Health::new()
            .log(Arc::clone(&store))
            .projections(Arc::new(projections.clone()), ["counts"], 10.0)
            .feed(feed.clone());
        let (routes, openapi) = OpenApiRouter::new()
            .routes(routes!(count_up))
            .routes(routes!(show))
            .routes(routes!(count_of))
            .with_state(state.clone())
            .merge(feed.routes())
            .nest("/admin", admin.routes())
            .split_for_parts();
        let routes = routes
            .route("/slow", axum::routing::get(slow))
            .route("/panic", axum::routing::get(panics))
            .with_state(state);
        let service = Service::new(routes, plan.service)
            .with_public(health.routes())
            .with_public(documentation(openapi));
        let server = Server::new(service, plan.server).unwrap().with_feed(feed.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let served = tokio::spawn(server.serve(listener, shutdown));
        let projecting = (plan.is_projecting || plan.has_sagas).then(|| {
            tokio::spawn(async move {
                let forever = std::future::pending();
                match plan.has_sagas {
                    true => sagas.run(forever).await.unwrap(),
                    false => projections.run(forever).await.unwrap(),
                }
            })
        });
        let stop = Some(stop);
        Self { address, store, feed, begun, may_end, stop, served, projecting }
    }

    pub(crate) async fn get(&self, path: &str) -> Said {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Said {
        send(self.address, request("GET", path, headers, "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Said {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Said {
        send(self.address, request("POST", path, headers, body)).await
    }

    pub(crate) async fn count_up(&self, id: &str, by: u64) -> Said {
        self.post(&format!("/counters/{id}/up"), &format!("{{\"by\":{by}}}")).await
    }

    pub(crate) async fn follow(&self, path: &str) -> client::Events {
        client::Events::connect(self.address, path, &[]).await.unwrap()
    }

    /// Says that it is time to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(&mut self) {
        (&mut self.served).await.unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.served.abort();
        if let Some(projecting) = &self.projecting {
            projecting.abort();
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Up {
    by: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct CounterBody {
    count: u64,
    repeated: bool,
}

#[utoipa::path(
    post,
    path = "/counters/{id}/up",
    request_body = Up,
    responses((status = 200, body = CounterBody))
)]
async fn count_up(
    State(App1 { app, .. }): State<App1>,
    Segments(id): Segments<String>,
    Asked { body: Up { by }, terms }: Asked<Up>,
) -> Result<Answer<CounterBody>, Problem> {
    let executed = terms.execute::<Counter>(&app, &id, CountUp(by)).await?;
    let state = app.load_at::<Counter>(&id, executed.sequence).await?.state;
    let body = CounterBody { count: state.count, repeated: executed.repeated };
    Ok(Answer::executed(body, &executed))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    at_sequence: Option<Sequence>,
}

#[utoipa::path(get, path = "/counters/{id}", responses((status = 200, body = CounterBody)))]
async fn show(
    State(App1 { app, .. }): State<App1>,
    Segments(id): Segments<String>,
    Parameters(moment): Parameters<Moment>,
) -> Result<Answer<CounterBody>, Problem> {
    let loaded = match moment.at_sequence {
        Some(sequence) => app.load_at::<Counter>(&id, sequence).await?,
        None => app.load::<Counter>(&id).await?,
    };
    let body = CounterBody { count: loaded.state.count, repeated: false };
    Ok(Answer::new(body).at_sequence(loaded.sequence))
}

/// Short, for a test that waits for it in vain.
const VISIBLE_WITHIN: Duration = Duration::from_millis(300);

#[utoipa::path(get, path = "/counts/{id}", responses((status = 200, body = CounterBody)))]
async fn count_of(
    State(App1 { projections, .. }): State<App1>,
    Segments(id): Segments<String>,
    at_least: AtLeast,
) -> Result<Answer<CounterBody>, Problem> {
    at_least.wait(projections.visibility(), "counts", VISIBLE_WITHIN).await?;
    let seen = annals_core::DocumentReader::find_document(&**projections.models(), "counts", &id);
    let seen = seen.await?;
    let count = seen.value.map(|json| json.read().unwrap()).unwrap_or_default();
    let token = ConsistencyToken { log_id: seen.log_id, position: seen.position };
    Ok(Answer::new(CounterBody { count, repeated: false }).with_token(token))
}

async fn slow(State(state): State<App1>) -> &'static str {
    state.begun.add_permits(1);
    state.may_end.acquire().await.unwrap().forget();
    "at last"
}

async fn panics() -> &'static str {
    panic!("secret words");
}

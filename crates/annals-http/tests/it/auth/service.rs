//! A service with a route for each role, and everybody who may ask it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use annals_core::{Aggregate, EventStore, MemoryStore, Metadata, Read};
use annals_derive::DomainEvent;
use annals_http::auth::{
    self, ApiKeyFollower, ApiKeyRegistry, ApiKeys, Authentication, CreatedApiKey, Jwt, JwtFollower,
    JwtOptions, NewApiKey, Role, Roles, Subject,
};
use annals_http::{Feed, FeedOptions};
use annals_runtime::App;
use annals_testing::ManualClock;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::client::{Answer, send};
use super::issuer::Issuer;

pub(super) const ISSUER: &str = "https://id.example/bank";
pub(super) const AUDIENCE: &str = "bank";

/// Everything there is.
pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) issuer: Issuer,
    /// What the service writes to.
    pub(super) log: Arc<MemoryStore>,
    pub(super) registry: ApiKeyRegistry,
    key_log: Arc<dyn EventStore>,
    pub(super) keys: ApiKeys,
    pub(super) jwt: Jwt,
    pub(super) authentication: Authentication,
    folder: TempDir,
    followers: Option<(ApiKeyFollower, JwtFollower)>,
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
        let registry = ApiKeyRegistry::with_clock(Arc::clone(&store), clock.clone());
        let (keys, follows_keys) = ApiKeys::load(Arc::clone(&store), clock.clone()).await.unwrap();
        let (issuer, folder) = (Issuer::new(), tempfile::tempdir().unwrap());
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, issuer.jwks().to_string()).unwrap();
        let options = JwtOptions::new(ISSUER, AUDIENCE).clock(clock.clone());
        let (jwt, follows_jwks) = Jwt::open(path, options).unwrap();
        let authentication =
            Authentication::new().with_api_keys(keys.clone()).with_jwt(jwt.clone());
        Self {
            clock,
            issuer,
            log: Arc::new(MemoryStore::new()),
            registry,
            key_log: store,
            keys,
            jwt,
            authentication,
            folder,
            followers: Some((follows_keys, follows_jwks)),
        }
    }

    /// To be run by somebody, once.
    pub(super) fn followers(&mut self) -> (ApiKeyFollower, JwtFollower) {
        self.followers.take().unwrap()
    }

    pub(super) fn write_jwks(&self, jwks: &str) {
        std::fs::write(self.folder.path().join("jwks.json"), jwks).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        annals_core::Clock::now(&*self.clock)
    }

    /// A key of somebody with these roles, good for a day. The service knows it once it is
    /// [up to date](World::up_to_date).
    pub(super) async fn key(&self, roles: &[Role]) -> CreatedApiKey {
        self.key_for(roles, TimeDelta::days(1)).await
    }

    /// A key that is good for so long.
    pub(super) async fn key_for(&self, roles: &[Role], lifetime: TimeDelta) -> CreatedApiKey {
        let roles = roles.iter().copied().collect::<Roles>();
        let subject = Subject::new("key holder").unwrap();
        let expires_at = Some(self.now() + lifetime);
        self.registry.create(NewApiKey { subject, roles, expires_at }).await.unwrap()
    }

    /// Waits until the service knows of all that has happened to keys.
    pub(super) async fn up_to_date(&self) {
        self.keys.reached(self.key_log.head().await.unwrap()).await;
    }

    /// The claims of a token that is good for an hour.
    pub(super) fn claims(&self, roles: &[Role]) -> Value {
        let now = self.now().timestamp();
        let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "token holder",
            "nbf": now, "exp": now + 3_600, "roles": roles,
        })
    }

    /// Serves, until the runtime ends.
    pub(super) async fn serve(&self, authentication: Authentication) -> Service {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::new(self.log.clone() as Arc<dyn EventStore>, ());
        let mut options = FeedOptions::default();
        options.credentials_within = Duration::ZERO;
        let feed = Feed::new(self.log.clone(), options).with_authentication(authentication.clone());
        let routes = routes(app, &feed, authentication);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        tokio::spawn(async move { feed.run(std::future::pending()).await });
        Service { address, log: self.log.clone() }
    }
}

/// One route for each role.
fn routes(app: App<()>, feed: &Feed, authentication: Authentication) -> Router {
    let for_role = |role| from_fn_with_state(role, auth::require);
    let write = |State(app): State<App<()>>| async move {
        app.execute::<Note>(&1, ()).await.unwrap();
    };
    let queries = Router::from(feed.routes())
        .route("/notes", get(|| async {}))
        .route_layer(for_role(Role::Reader));
    let commands = Router::new().route("/notes", post(write)).route_layer(for_role(Role::Teller));
    let admin =
        Router::new().route("/admin", post(|| async {})).route_layer(for_role(Role::Operator));
    let routes = queries.merge(commands).merge(admin).with_state(app);
    routes.layer(from_fn_with_state(authentication, auth::authenticate))
}

/// A service that is listening.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    log: Arc<MemoryStore>,
}

/// A route for each role, and none.
pub(super) const REQUESTS: [&str; 4] = ["GET /notes", "POST /notes", "POST /admin", "GET /nowhere"];

impl Service {
    pub(super) async fn send(&self, request: &str, lines: &[String]) -> Answer {
        send(self.address, request, lines).await
    }

    /// With one credential.
    pub(super) async fn ask(&self, request: &str, credential: &str) -> Answer {
        self.send(request, &[bearer(credential)]).await
    }

    /// The metadata of all that was written.
    pub(super) async fn written(&self) -> Vec<Metadata> {
        let page = self.log.read(Read::all()).await.unwrap();
        page.events.iter().map(|event| event.read_metadata().unwrap()).collect()
    }
}

pub(super) fn bearer(credential: &str) -> String {
    format!("Authorization: Bearer {credential}")
}

/// Something to write about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Note;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
enum NoteEvent {
    NoteWritten,
}

impl Aggregate for Note {
    const TYPE: &'static str = "note";

    type Id = u8;
    type Command = ();
    type Event = NoteEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    fn handle(&self, (): (), (): &()) -> Result<Vec<NoteEvent>, std::convert::Infallible> {
        Ok(vec![NoteEvent::NoteWritten])
    }

    fn apply(&mut self, _: &NoteEvent) {}
}

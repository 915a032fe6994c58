//! Generations of read models that cannot be switched to.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    BoxError, DocumentProjection, DocumentSet, Documents, EventEnvelope, EventStore, MemoryStore,
};
use annals_http::Admin;
use annals_runtime::Projections;
use annals_testing::MemoryReadModels;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::counter::{CounterEvent, append};

/// The same read model as an older and a newer program build it.
struct Known<const VERSION: u32>;

impl<const VERSION: u32> Documents for Known<VERSION> {
    const NAME: &'static str = "known";
    const VERSION: u32 = VERSION;
    type Event = CounterEvent;
    type Document = u32;

    fn keys(&self, _: &EventEnvelope<CounterEvent>) -> Vec<String> {
        vec!["all".to_owned()]
    }

    fn apply(
        &self,
        _: &EventEnvelope<CounterEvent>,
        documents: &mut DocumentSet<u32>,
    ) -> Result<(), BoxError> {
        documents.put("all", VERSION)?;
        Ok(())
    }
}

/// A log and its read models, which programs of several versions work with.
#[derive(Clone)]
struct World {
    store: Arc<dyn EventStore>,
    models: Arc<MemoryReadModels>,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), models: Arc::new(MemoryReadModels::new()) }
    }

    fn program<const VERSION: u32>(&self) -> Projections<MemoryReadModels> {
        Projections::new(Arc::clone(&self.store), Arc::clone(&self.models))
            .with(DocumentProjection(Known::<VERSION>))
    }

    /// The admin API of the newer program.
    fn admin(&self) -> Router {
        let admin = Admin::new(Arc::clone(&self.store)).projections(Arc::new(self.program::<2>()));
        Router::from(admin.routes())
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = self.admin().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Waits until a generation serves and has come to this position.
    async fn serves(&self, number: u64, position: u64) {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            let (_, answer) = self.ask("GET", "/projections").await;
            let is_it = |one: &Value| {
                one["generation"]["key"]["number"] == number
                    && one["generation"]["state"] == "serving"
                    && one["position"] == position
            };
            if answer["projections"].as_array().is_some_and(|all| all.iter().any(is_it)) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_keeps_up_to_date_is_not_gone_back_to() {
    let world = World::new();
    append(&*world.store, "a", "", 1).await;
    let older = tokio::spawn(world.program::<1>().run(std::future::pending()));
    world.serves(1, 1).await;
    older.abort();
    let newer = tokio::spawn(world.program::<2>().run(std::future::pending()));
    world.serves(2, 1).await;
    append(&*world.store, "a", "", 1).await;
    world.serves(2, 2).await;
    for path in ["/projections/known/rollback", "/projections/known/generations/1/switch"] {
        let (status, problem) = world.ask("POST", path).await;
        assert_eq!((status, &problem["type"]), (409, &"urn:annals:http:moved".into()), "{path}");
    }
    world.serves(2, 2).await;
    newer.abort();
}

#[tokio::test]
async fn what_is_being_built_is_not_switched_to() {
    let world = World::new();
    append(&*world.store, "a", "", 1).await;
    // Nobody runs, so it stays so.
    assert_eq!(world.ask("POST", "/projections/known/rebuild").await.0, 202);
    let (status, problem) = world.ask("POST", "/projections/known/generations/1/switch").await;
    assert_eq!((status, &problem["type"]), (409, &"urn:annals:http:refused".into()));
    let (_, answer) = world.ask("GET", "/projections").await;
    assert_eq!(answer["projections"][0]["generation"]["state"], "building");
}

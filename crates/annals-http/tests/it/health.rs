//! Whether the service lives, and can do its work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_core::{
    BoxError, DocumentProjection, DocumentSet, Documents, EventEnvelope, EventStore, MemoryStore,
};
use annals_http::Health;
use annals_runtime::Projections;
use annals_testing::{Call, Fault, FaultyStore, MemoryReadModels};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::counter::{CounterEvent, append};
use crate::house::{House, Plan};

fn check<'a>(readiness: &'a Value, name: &str) -> &'a Value {
    let checks = readiness["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

/// Asks until all is well: what projects begins by itself.
async fn ready(house: &House) -> Value {
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    loop {
        looks.tick().await;
        let answer = house.get("/readyz").await;
        if answer.status == 200 {
            return answer.json(200);
        }
    }
}

#[tokio::test]
async fn a_service_that_can_do_its_work_is_ready_and_writes_nothing_to_find_out() {
    let house = House::with(Plan { is_projecting: true, ..Plan::default() }).await;
    let readiness = ready(&house).await;
    assert_eq!(readiness["is_ready"], true);
    assert_eq!(readiness["checks"].as_array().unwrap().len(), 4);
    assert_eq!(house.store.head().await.unwrap().get(), 0);
}

#[tokio::test]
async fn a_service_whose_projections_nobody_runs_lives_and_is_not_ready() {
    let house = House::new().await;
    let readiness = house.get("/readyz").await.json(503);
    assert_eq!(readiness["is_ready"], false);
    assert_eq!(check(&readiness, "projections")["is_ok"], false);
    assert_eq!(check(&readiness, "log_writes")["is_ok"], true);
    house.get("/livez").await.json(200);
}

#[tokio::test]
async fn a_log_that_takes_no_writes_is_noticed_and_asked_no_more_than_once_a_second() {
    let store = FaultyStore::new(MemoryStore::new());
    let store = Arc::new(store.on(Call::Append, 1, Fault::Closed));
    let plan = Plan { store: store.clone(), is_projecting: true, ..Plan::default() };
    let house = House::with(plan).await;
    for _ in 0..20 {
        let readiness = house.get("/readyz").await.json(503);
        assert_eq!(check(&readiness, "log_writes")["is_ok"], false);
    }
    assert!(store.calls(Call::Append) <= 2);
    ready(&house).await;
}

/// Goes on with the next event when nobody holds this.
struct HeldUp(Arc<Mutex<()>>);

impl Documents for HeldUp {
    const NAME: &'static str = "held_up";
    const VERSION: u32 = 1;
    type Event = CounterEvent;
    type Document = ();

    fn keys(&self, _: &EventEnvelope<CounterEvent>) -> Vec<String> {
        drop(self.0.lock().unwrap());
        vec!["all".to_owned()]
    }

    fn apply(
        &self,
        _: &EventEnvelope<CounterEvent>,
        _: &mut DocumentSet<()>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Asks until it is answered with this status, and gives what is said of the projections.
async fn said_with(health: &Router, status: u16) -> Value {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    loop {
        looks.tick().await;
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        let answer = health.clone().oneshot(request).await.unwrap();
        if answer.status() == status {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let readiness: Value = serde_json::from_slice(&body).unwrap();
            return check(&readiness, "projections").clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_somebody_works_on_and_is_too_far_behind_is_not_ready() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let gate = Arc::new(Mutex::new(()));
    let projections = Projections::new(Arc::clone(&store), Arc::new(MemoryReadModels::new()))
        .with(DocumentProjection(HeldUp(Arc::clone(&gate))));
    let health = Health::new().projections(Arc::new(projections.clone()), ["held_up"], 0.2);
    let health = Router::from(health.routes());
    let running = tokio::spawn(projections.run(std::future::pending()));
    append(&*store, "a", "", 1).await;
    said_with(&health, 200).await;

    let (held, may_go_on) = std::sync::mpsc::channel::<()>();
    let (holding, is_held) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        let _guard = gate.lock().unwrap();
        holding.send(()).unwrap();
        may_go_on.recv().unwrap_err();
    });
    is_held.recv().unwrap();
    append(&*store, "a", "", 1).await;
    let behind = said_with(&health, 503).await;
    assert_eq!(behind["detail"], "behind, or nobody works on it: held_up");
    drop(held);
    holder.join().unwrap();
    said_with(&health, 200).await;
    running.abort();
}

//! Whether the service lives, and can do its work.

use std::sync::Arc;
use std::time::Duration;

use annals_core::MemoryStore;
use annals_testing::{Call, Fault, FaultyStore};
use serde_json::Value;

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

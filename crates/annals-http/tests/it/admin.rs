//! Looking after the service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::counter::UNPROJECTED;
use crate::house::{House, Plan};

#[tokio::test]
async fn the_log_can_be_looked_through_in_pages_and_by_query() {
    let house = House::new().await;
    for (id, by) in [("a", 1), ("b", 100), ("a", 2), ("c", 1)] {
        house.count_up(id, by).await.json(200);
    }
    let log = house.get("/admin/log").await.json(200);
    assert_eq!(log, json!({"log_id": house.store.log_id(), "head": 4}));
    let positions = |page: &Value| -> Vec<u64> {
        let events = page["events"].as_array().unwrap();
        events.iter().map(|event| event["position"].as_u64().unwrap()).collect()
    };
    let first = house.get("/admin/events?limit=3").await.json(200);
    assert_eq!((positions(&first), &first["has_more"]), (vec![1, 2, 3], &json!(true)));
    let rest = format!("/admin/events?after={}", first["through"]);
    assert_eq!(positions(&house.get(&rest).await.json(200)), [4]);
    for (query, expected) in [
        ("event_types=counted_a_lot", vec![2]),
        ("aggregate_type=counter&aggregate_id=a", vec![1, 3]),
        ("tag=x:y", vec![]),
    ] {
        let page = house.get(&format!("/admin/events?{query}")).await.json(200);
        assert_eq!(positions(&page), expected, "{query}");
    }
    assert_eq!(house.get("/admin/events/3").await.json(200)["payload"]["by"], 2);
    let stream = house.get("/admin/streams/counter/a?after=1").await.json(200);
    assert_eq!(positions(&stream), [3]);
}

#[tokio::test]
async fn streams_are_listed_in_the_order_in_which_they_began() {
    let house = House::new().await;
    for id in ["b", "a", "b", "c"] {
        house.count_up(id, 1).await.json(200);
    }
    let first = house.get("/admin/streams?limit=2").await.json(200);
    let ids = |page: &Value| -> Vec<String> {
        let streams = page["streams"].as_array().unwrap();
        streams.iter().map(|one| one["aggregate_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&first), &first["has_more"]), (vec!["b".into(), "a".into()], &json!(true)));
    let path = format!("/admin/streams?after={}", first["through"]);
    let rest = house.get(&path).await.json(200);
    assert_eq!((ids(&rest), &rest["has_more"]), (vec!["c".to_owned()], &json!(false)));
    assert!(ids(&house.get("/admin/streams?aggregate_type=other").await.json(200)).is_empty());
}

#[tokio::test]
async fn a_state_is_shown_as_it_is_and_as_it_was() {
    let house = House::new().await;
    for by in [1, 2, 3] {
        house.count_up("a", by).await.json(200);
    }
    let types = house.get("/admin/aggregates").await.json(200);
    assert_eq!(types["aggregate_types"], json!(["counter"]));
    for (query, sequence, count) in [
        ("", 3, 6),
        ("?at_sequence=2", 2, 3),
        ("?at_position=1", 1, 1),
        ("?at=2999-01-01T00:00:00Z", 3, 6),
    ] {
        let state = house.get(&format!("/admin/aggregates/counter/a{query}")).await.json(200);
        assert_eq!(
            (&state["sequence"], &state["state"]["count"]),
            (&json!(sequence), &json!(count))
        );
    }
    // What was, at each moment at which something happened.
    let events = house.get("/admin/streams/counter/a").await.json(200)["events"].clone();
    let events = events.as_array().unwrap();
    for moment in events.iter().map(|event| event["timestamp"].as_str().unwrap()) {
        let is_past = |event: &&Value| event["timestamp"].as_str().unwrap() <= moment;
        let past: Vec<_> = events.iter().filter(is_past).collect();
        let path = format!("/admin/aggregates/counter/a?at={moment}");
        let state = house.get(&path).await.json(200);
        let count: u64 = past.iter().map(|event| event["payload"]["by"].as_u64().unwrap()).sum();
        assert_eq!(
            (&state["sequence"], &state["state"]["count"]),
            (&json!(past.len()), &json!(count))
        );
    }
    for (path, status, code) in [
        ("/admin/aggregates/counter/a?at_sequence=4", 404, "sequence_ahead"),
        ("/admin/aggregates/counter/a?at=2000-01-01T00:00:00Z", 404, "not_found"),
        ("/admin/aggregates/counter/a?at_sequence=1&at_position=1", 400, "malformed_query"),
        ("/admin/aggregates/counter/b", 404, "not_found"),
        ("/admin/aggregates/other/a", 404, "not_found"),
        ("/admin/events/5", 404, "not_found"),
        ("/admin/events/0", 404, "not_found"),
        ("/admin/events/x", 400, "malformed_path"),
        ("/admin/events?limit=0", 400, "malformed_query"),
        ("/admin/events?limit=1001", 400, "malformed_query"),
        ("/admin/events?aggregate_id=a", 400, "malformed_query"),
        ("/admin/events?tag=x", 400, "malformed_query"),
        ("/admin/dead-letters/x", 400, "malformed_path"),
    ] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
}

/// Asks until it is as it must be: workers do what is asked for when they see it.
pub(crate) async fn until(house: &House, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        let answer = house.get(path).await;
        // Before anything is built there is nothing to see.
        if answer.status == 503 {
            continue;
        }
        let answer = answer.json(200);
        if is_so(&answer) {
            return answer;
        }
    }
}

#[tokio::test]
async fn a_read_model_is_rebuilt_and_rolled_back_and_retired() {
    let house = House::with(Plan { is_projecting: true, ..Plan::default() }).await;
    house.count_up("a", 1).await.json(200);
    let serves = |number: u32| {
        move |answer: &Value| {
            answer["projections"].as_array().unwrap().iter().any(|one| {
                one["generation"]["key"]["number"] == number
                    && one["generation"]["state"] == "serving"
            })
        }
    };
    until(&house, "/admin/projections", serves(1)).await;
    let rebuilt = house.post("/admin/projections/counts/rebuild", "").await.json(202);
    assert_eq!(rebuilt["key"], json!({"projection": "counts", "number": 2}));
    until(&house, "/admin/projections", serves(2)).await;
    let back = house.post("/admin/projections/counts/rollback", "").await.json(200);
    assert_eq!(back["key"]["number"], 1);
    until(&house, "/admin/projections", serves(1)).await;
    let switch = house.post("/admin/projections/counts/generations/2/switch", "").await;
    assert_eq!(switch.status, 204);
    let delete = |number: u32| {
        let path = format!("/admin/projections/counts/generations/{number}");
        crate::client::send(house.address, crate::client::request("DELETE", &path, &[], ""))
    };
    assert_eq!(delete(2).await.code(), "refused");
    assert_eq!(delete(1).await.status, 204);
    assert_eq!(house.post("/admin/projections/other/rebuild", "").await.code(), "not_found");
    let leases = house.get("/admin/leases").await.json(200);
    let leases = leases["leases"].as_array().unwrap();
    let partitions: Vec<_> = leases.iter().map(|lease| lease["partition"].as_u64()).collect();
    assert_eq!(partitions, [Some(0), Some(1)]);
    for lease in leases {
        assert_eq!((&lease["projection"], &lease["generation"]), (&json!("counts"), &json!(2)));
        assert!(lease["worker"].as_str().unwrap().parse::<uuid::Uuid>().is_ok(), "{lease}");
    }
}

#[tokio::test]
async fn dead_letters_are_listed_retried_and_discarded() {
    let house = House::with(Plan { is_projecting: true, ..Plan::default() }).await;
    house.count_up("a", UNPROJECTED).await.json(200);
    house.count_up("a", 1).await.json(200);
    let found = |count: usize| {
        move |answer: &Value| answer["dead_letters"].as_array().unwrap().len() == count
    };
    let letters = until(&house, "/admin/dead-letters", found(1)).await;
    let id = letters["dead_letters"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/dead-letters/{id}");
    let letter = house.get(&path).await.json(200);
    assert_eq!((&letter["position"], &letter["stream"]["aggregate_id"]), (&json!(1), &json!("a")));
    assert_eq!(house.post(&format!("{path}/retry"), "").await.status, 202);
    until(&house, &path, |letter| letter["attempts"].as_u64() > Some(5)).await;
    let all = house.post("/admin/dead-letters/retry?projection=counts", "").await.json(202);
    assert_eq!(all["count"], 1);
    assert_eq!(
        house.post(&format!("{path}/discard"), r#"{"why":" "}"#).await.code(),
        "invalid_body"
    );
    let discard = house.post(&format!("{path}/discard"), r#"{"why":"superstition"}"#).await;
    assert_eq!(discard.status, 202);
    until(&house, "/admin/dead-letters", found(0)).await;
    let discarded = until(&house, "/admin/dead-letters?discarded=true", found(1)).await;
    let request = &discarded["dead_letters"][0]["request"];
    assert_eq!(
        request,
        &json!({"kind": "discard", "by": "unauthenticated", "why": "superstition"})
    );
    assert_eq!(house.get("/counts/a").await.json(200)["count"], 1);
}

//! Commands: told apart, repeated, and under conditions.

use std::sync::Arc;

use annals_core::{EventStore, MemoryStore, Read};
use serde_json::json;

use crate::client::{request, send};
use crate::house::{House, Plan};

#[tokio::test]
async fn a_command_says_how_new_it_is() {
    let house = House::new().await;
    let answer = house.count_up("a", 5).await;
    assert_eq!(answer.json(200), json!({"count": 5, "repeated": false}));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let token = format!("{}:1", house.store.log_id());
    assert_eq!(answer.header("consistency-token"), Some(token.as_str()));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_also_from_another_process() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let key = [("idempotency-key", "k-1")];
    let first = House::with(Plan { store: Arc::clone(&store), ..Plan::default() }).await;
    first.post_with("/counters/a/up", &key, r#"{"by":5}"#).await.json(200);
    first.count_up("a", 7).await.json(200);
    let second = House::with(Plan { store, ..Plan::default() }).await;
    for house in [&first, &second] {
        let repeat = house.post_with("/counters/a/up", &key, r#"{"by":5}"#).await;
        assert_eq!(repeat.json(200), json!({"count": 5, "repeated": true}));
        assert_eq!(repeat.header("etag"), Some("\"1\""));
    }
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let house = House::new().await;
    let key = [("idempotency-key", "k-1")];
    house.post_with("/counters/a/up", &key, r#"{"by":5}"#).await.json(200);
    // The same command in other bytes is another body as well.
    for body in [r#"{"by":6}"#, r#"{"by": 5}"#] {
        let other = house.post_with("/counters/a/up", &key, body).await;
        assert_eq!((other.status, other.code().as_str()), (422, "command_id_reused"));
    }
    // Elsewhere it is another key.
    house.post_with("/counters/b/up", &key, r#"{"by":6}"#).await.json(200);
    assert_eq!(house.store.head().await.unwrap().get(), 2);
}

#[tokio::test]
async fn of_many_requests_with_one_key_at_once_one_takes_effect() {
    let house = House::new().await;
    let text = request("POST", "/counters/a/up", &[("idempotency-key", "k")], r#"{"by":1}"#);
    let racers = (0..16).map(|_| send(house.address, text.clone()));
    let answers = futures_util::future::join_all(racers).await;
    let first = answers.iter().filter(|answer| answer.json(200)["repeated"] == false);
    assert_eq!(first.count(), 1);
    assert_eq!(house.store.head().await.unwrap().get(), 1);
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_is_412_and_changes_nothing() {
    let house = House::new().await;
    house.count_up("a", 1).await.json(200);
    let up = r#"{"by":1}"#;
    for headers in [("if-match", "\"2\""), ("if-none-match", "*"), ("if-match", "W/\"1\"")] {
        let answer = house.post_with("/counters/a/up", &[headers], up).await;
        assert_eq!((answer.status, answer.code().as_str()), (412, "precondition_failed"));
    }
    assert_eq!(house.store.head().await.unwrap().get(), 1);
    house.post_with("/counters/a/up", &[("if-match", "\"1\"")], up).await.json(200);
    house.post_with("/counters/b/up", &[("if-none-match", "*")], up).await.json(200);
}

#[tokio::test]
async fn a_repeat_gets_its_answer_although_the_precondition_does_not_hold_any_more() {
    let house = House::new().await;
    let headers = [("idempotency-key", "k"), ("if-none-match", "*")];
    for repeated in [false, true] {
        let answer = house.post_with("/counters/a/up", &headers, r#"{"by":1}"#).await;
        assert_eq!(answer.json(200)["repeated"], repeated);
    }
}

#[tokio::test]
async fn a_rejection_is_told_with_its_faults_and_leaves_the_key_free() {
    let house = House::new().await;
    let key = [("idempotency-key", "k")];
    house.count_up("a", 600).await.json(200);
    let refused = house.post_with("/counters/a/up", &key, r#"{"by":600}"#).await;
    let problem = refused.json(409);
    assert_eq!(problem["type"], "urn:test:too_high");
    assert_eq!(problem["detail"], "the counter goes up to 1000");
    assert_eq!(problem["errors"], json!([{"pointer": "/by", "detail": "too much"}]));
    let free = house.post_with("/counters/a/up", &key, r#"{"by":1}"#).await;
    assert_eq!(free.json(200)["count"], 601);
}

#[tokio::test]
async fn the_name_of_a_request_is_in_its_answer_and_in_its_events() {
    let house = House::new().await;
    let id = "0198c5f0-7b7e-7000-8000-00000000abcd";
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("x-request-id", id), ("traceparent", trace), ("x-actor", "root")];
    let answer = house.post_with("/counters/a/up", &headers, r#"{"by":1}"#).await;
    assert_eq!(answer.header("x-request-id"), Some(id));
    let page = house.store.read(Read::all()).await.unwrap();
    let metadata = page.events[0].read_metadata().unwrap();
    assert_eq!(metadata.correlation_id.unwrap().to_string(), id);
    assert_eq!(serde_json::to_value(&metadata).unwrap()["traceparent"], trace);
    assert_eq!(metadata.actor, None);
    let odd = house.get_with("/nowhere", &[("x-request-id", "no uuid")]).await;
    assert_eq!(odd.code(), "unknown_path");
    assert_ne!(odd.header("x-request-id"), Some("no uuid"));
}

#[tokio::test]
async fn what_is_no_command_is_refused_with_the_place_of_the_fault() {
    let house = House::new().await;
    for (body, status, code, pointer) in [
        ("{", 400, "malformed_json", None),
        ("[1]", 422, "invalid_body", None),
        (r#"{"by":"1"}"#, 422, "invalid_body", Some("/by")),
        (r#"{"by":-1}"#, 422, "invalid_body", Some("/by")),
        (r#"{"by":1,"to":2}"#, 422, "invalid_body", Some("/to")),
        (r#"{"by":1,"by":2}"#, 422, "invalid_body", Some("")),
        ("{}", 422, "invalid_body", Some("")),
        (&"[".repeat(50_000), 422, "invalid_body", None),
        (&format!("{{\"by\":{}", "[".repeat(50_000)), 422, "invalid_body", Some("/by")),
    ] {
        let answer = house.post("/counters/a/up", body).await;
        let shown: String = body.chars().take(40).collect();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}");
        let fault = answer.json(status)["errors"][0]["pointer"].clone();
        assert_eq!(fault.as_str(), pointer, "{shown}");
    }
    let text = "POST /counters/a/up HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-length: 8\r\ncontent-type: text/plain\r\n\r\n{\"by\":1}";
    assert_eq!(send(house.address, text).await.code(), "not_json");
    for key in ["", "a b", "\u{fc}", &"k".repeat(256)] {
        let answer = house.post_with("/counters/a/up", &[("idempotency-key", key)], "{}").await;
        assert_eq!(answer.code(), "malformed_header", "{key}");
    }
    assert_eq!(house.store.head().await.unwrap().get(), 0);
}

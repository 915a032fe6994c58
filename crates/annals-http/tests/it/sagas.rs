//! Looking after sagas.

use serde_json::{Value, json};

use crate::admin::until;
use crate::client::Answer;
use crate::escalation::WAITED;
use crate::house::{House, Plan};

/// So much cannot be told to anybody.
const PARKED: u64 = WAITED + 1;

async fn house() -> House {
    House::with(Plan { has_sagas: true, ..Plan::default() }).await
}

/// The list, once it has so many instances. It is built for the first time just after the start.
async fn listed(house: &House, path: &str, count: usize) -> Value {
    until(house, path, |answer| answer["sagas"].as_array().unwrap().len() == count).await
}

fn ids(page: &Value) -> Vec<&str> {
    let instances = page["sagas"].as_array().unwrap();
    instances.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

async fn order(house: &House, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    house.post_with(&format!("/admin/sagas/escalation/{path}"), headers, body).await
}

#[tokio::test]
async fn before_the_list_is_built_it_cannot_be_asked() {
    let house = House::new().await;
    for path in ["/admin/sagas", "/admin/timers"] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, &*answer.code()), (503, "read_model_not_built"));
    }
}

#[tokio::test]
async fn instances_are_listed_by_saga_state_and_age_in_pages() {
    let house = house().await;
    for (id, by) in [("a", WAITED), ("b", PARKED), ("c", WAITED), ("d", WAITED)] {
        house.count_up(id, by).await.json(200);
    }
    let all = listed(&house, "/admin/sagas", 4).await;
    assert_eq!((ids(&all), &all["next_after"]), (vec!["a", "b", "c", "d"], &Value::Null));
    let parked = listed(&house, "/admin/sagas?state=parked", 1).await;
    assert_eq!(parked["sagas"][0]["open"][0]["parked"]["error"], "nobody answers");

    let running = "/admin/sagas?saga=escalation&state=running&limit=2";
    let first = house.get(running).await.json(200);
    let next = format!("{running}&after={}", first["next_after"].as_str().unwrap());
    let rest = house.get(&next).await.json(200);
    assert_eq!((ids(&first), ids(&rest)), (vec!["a", "c"], vec!["d"]));
    assert_eq!(rest["next_after"], Value::Null);

    let since = all["sagas"][2]["since"].as_str().unwrap();
    for (query, expected) in [
        (format!("began_before={since}"), vec!["a", "b"]),
        (format!("began_before={since}&newest_first=true"), vec!["b", "a"]),
        (format!("began_before={since}&state=running"), vec!["a"]),
        ("newest_first=true&limit=1".to_owned(), vec!["d"]),
    ] {
        let page = house.get(&format!("/admin/sagas?{query}")).await.json(200);
        assert_eq!(ids(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn timers_are_listed_by_when_they_are_due() {
    let house = house().await;
    for id in ["a", "b", "c"] {
        house.count_up(id, WAITED).await.json(200);
    }
    listed(&house, "/admin/sagas", 3).await;
    let of = |page: &Value| -> Vec<String> {
        let timers = page["timers"].as_array().unwrap();
        timers.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = house.get("/admin/timers?limit=2").await.json(200);
    let next = first["next_after"].as_str().unwrap();
    let rest = house.get(&format!("/admin/timers?limit=2&after={next}")).await.json(200);
    assert_eq!((of(&first), of(&rest)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".into()]));
    assert_eq!(
        (&rest["next_after"], &first["timers"][0]["saga"]),
        (&Value::Null, &"escalation".into())
    );
    let pending = house.get("/admin/timers?state=pending").await.json(200);
    assert_eq!((of(&pending).len(), &pending["timers"][2]["state"]), (3, &json!("pending")));
    assert!(of(&house.get("/admin/timers?state=due").await.json(200)).is_empty());
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_a_problem() {
    let house = house().await;
    listed(&house, "/admin/sagas", 0).await;
    let long = format!("/admin/sagas/escalation/{}", "x".repeat(256));
    // ["\u0000","a"], as a cursor.
    let nul = "/admin/sagas?after=WyJcdTAwMDAiLCJhIl0";
    for (path, status, code) in [
        ("/admin/sagas?state=new", 400, "malformed_query"),
        ("/admin/sagas?after=x", 400, "malformed_query"),
        (nul, 400, "malformed_query"),
        ("/admin/sagas?limit=1001", 400, "malformed_query"),
        ("/admin/sagas?began_before=yesterday", 400, "malformed_query"),
        ("/admin/sagas?sagas=escalation", 400, "malformed_query"),
        ("/admin/sagas?saga=other", 404, "not_found"),
        ("/admin/sagas/other/a", 404, "not_found"),
        ("/admin/sagas/escalation/a", 404, "not_found"),
        (&long, 400, "malformed_path"),
        ("/admin/timers?state=late", 400, "malformed_query"),
        ("/admin/timers?after=x", 400, "malformed_query"),
    ] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, &*answer.code()), (status, code), "{path}");
    }
    for (id, body, status, code) in [
        ("a/retry", "", 415, "not_json"),
        ("a/retry", "[]", 422, "invalid_body"),
        ("a/retry", r#"{"why":""}"#, 422, "invalid_body"),
        ("a/retry", r#"{"by":"root"}"#, 422, "invalid_body"),
        ("a/compensate", "{}", 422, "invalid_body"),
        ("a/abandon", r#"{"why":" "}"#, 422, "invalid_body"),
        ("a/abandon", r#"{"why":"\u0000"}"#, 422, "invalid_body"),
        ("a/abandon", "{", 400, "malformed_json"),
        ("a/retry", "{}", 404, "not_found"),
        ("a/abandon", r#"{"why":"x"}"#, 404, "not_found"),
    ] {
        let answer = order(&house, id, &[], body).await;
        assert_eq!((answer.status, &*answer.code()), (status, code), "{id} {body}");
    }
    let no_saga = house.post("/admin/sagas/other/a/retry", "{}").await;
    assert_eq!((no_saga.status, &*no_saga.code()), (404, "not_found"));
    let missing = order(&house, "a/abandon", &[], r#"{"why":" "}"#).await.json(422);
    assert_eq!(missing["errors"][0]["pointer"], "/why");
    assert_eq!(house.get("/admin/log").await.json(200)["head"], 0);
}

#[tokio::test]
async fn an_order_is_given_once_and_only_as_the_instance_stands() {
    let house = house().await;
    house.count_up("a", PARKED).await.json(200);
    let parked = listed(&house, "/admin/sagas?state=parked", 1).await;
    let sequence = parked["sagas"][0]["sequence"].as_u64().unwrap();
    let stale = format!("\"{}\"", sequence - 1);
    let retry = r#"{"why":"somebody is back"}"#;
    let refused = order(&house, "a/retry", &[("if-match", &stale)], retry).await;
    assert_eq!((refused.status, &*refused.code()), (412, "precondition_failed"));

    let tag = format!("\"{sequence}\"");
    let key = [("idempotency-key", "1"), ("if-match", &*tag)];
    let first = order(&house, "a/retry", &key, retry).await;
    assert_eq!(first.header("etag"), Some(&*format!("\"{}\"", sequence + 1)));
    let first = first.json(202);
    assert_eq!((&first["sequence"], &first["repeated"]), (&json!(sequence + 1), &json!(false)));
    let again = order(&house, "a/retry", &key, retry).await.json(202);
    assert_eq!((&again["sequence"], &again["repeated"]), (&first["sequence"], &json!(true)));
    assert_eq!(again["command_id"], first["command_id"]);
    let other = order(&house, "a/retry", &key, "{}").await;
    assert_eq!((other.status, &*other.code()), (422, "command_id_reused"));

    // Nobody answers this time either.
    let path = "/admin/sagas/escalation/a";
    let is_parked = |detail: &Value| {
        detail["sequence"].as_u64() > first["sequence"].as_u64()
            && detail["open"][0]["parked"].is_object()
    };
    let detail = until(&house, path, is_parked).await;
    let entry = &detail["timeline"].as_array().unwrap()[usize::try_from(sequence).unwrap()];
    assert_eq!(
        (&entry["event_type"], &entry["event"]["by"]),
        (&json!("saga.retry_ordered"), &json!("unauthenticated"))
    );
    assert_eq!(entry["event"]["why"], "somebody is back");
    assert_eq!(entry["metadata"]["actor"], Value::Null);

    let why = r#"{"why":"it never will be"}"#;
    order(&house, "a/compensate", &[], why).await.json(202);
    let ended = until(&house, path, |detail| detail["state"] == "failed").await;
    assert_eq!(ended["reason"], "it never will be");
    for (verb, body) in [("retry", "{}"), ("compensate", why), ("abandon", why)] {
        let refused = order(&house, &format!("a/{verb}"), &[], body).await;
        assert_eq!((refused.status, &*refused.code()), (409, "refused"), "{verb}");
    }
    house.count_up("b", WAITED).await.json(200);
    listed(&house, "/admin/sagas?state=running", 1).await;
    let nothing_parked = order(&house, "b/retry", &[], "{}").await;
    assert_eq!((nothing_parked.status, &*nothing_parked.code()), (409, "refused"));
    let abandoned = order(&house, "b/abandon", &[], why).await.json(200);
    assert_eq!(abandoned["repeated"], false);
    assert_eq!(house.get("/admin/sagas/escalation/b").await.json(200)["state"], "abandoned");
}

//! Requests with an `Idempotency-Key`.

use std::thread;

use serde_json::json;

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_repeated_request_gets_the_first_answer_also_after_a_restart,
    a_repeated_opening_comes_to_the_same_account,
    a_key_that_was_used_for_something_else_is_refused,
    a_rejected_request_leaves_its_key_free,
    of_many_requests_with_one_key_at_once_one_takes_effect,
}

const ALICE: &str = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":100}"#;
const DEPOSIT: &str = "/accounts/alice/deposits";

fn a_repeated_request_gets_the_first_answer_also_after_a_restart(home: &Home) {
    let server = Server::start(home);
    let key = [("idempotency-key", "key-1")];
    server.post("/accounts", ALICE).json(201);
    let first = server.post_with(DEPOSIT, r#"{"amount":1}"#, &key).json(200);
    server.post(DEPOSIT, r#"{"amount":1000}"#).json(200);
    let mut expected = first;
    expected["repeated"] = json!(true);
    assert_eq!(server.post_with(DEPOSIT, r#"{"amount":1}"#, &key).json(200), expected);
    drop(server);
    let server = Server::start(home);
    assert_eq!(server.post_with(DEPOSIT, r#"{"amount":1}"#, &key).json(200), expected);
    assert_eq!(server.get("/accounts/alice").json(200)["balance"], 1_101);
}

fn a_repeated_opening_comes_to_the_same_account(home: &Home) {
    let server = Server::start(home);
    let key = [("idempotency-key", "key-1")];
    let open = r#"{"owner_name":"Bob","initial_balance":1}"#;
    let first = server.post_with("/accounts", open, &key);
    let second = server.post_with("/accounts", open, &key);
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!((first.status, second.json(201)["repeated"].clone()), (201, json!(true)));
}

#[test]
fn a_key_belongs_to_one_method_and_path() {
    let server = Server::start_on(&Home::new(), "memory:");
    let key = [("idempotency-key", "key-1")];
    server.post_with("/accounts", ALICE, &key).json(201);
    server.post_with(DEPOSIT, r#"{"amount":1}"#, &key).json(200);
    server.post_with("/accounts/alice/withdrawals", r#"{"amount":1}"#, &key).json(200);
    assert_eq!(server.get("/accounts/alice").json(200)["sequence"], 3);
}

#[test]
fn another_key_is_another_request() {
    let server = Server::start_on(&Home::new(), "memory:");
    server.post("/accounts", ALICE).json(201);
    for key in ["key-1", "key-2", "KEY-1"] {
        let headers = [("idempotency-key", key)];
        server.post_with(DEPOSIT, r#"{"amount":1}"#, &headers).json(200);
    }
    assert_eq!(server.get("/accounts/alice").json(200)["balance"], 103);
}

fn a_key_that_was_used_for_something_else_is_refused(home: &Home) {
    let server = Server::start(home);
    let key = [("idempotency-key", "key-1")];
    server.post_with("/accounts", ALICE, &key).json(201);
    server.post_with(DEPOSIT, r#"{"amount":1}"#, &key).json(200);
    let other = server.post_with(DEPOSIT, r#"{"amount":2}"#, &key);
    assert_eq!((other.status, other.code().as_str()), (422, "command_id_reused"));
    let other = ALICE.replace("alice", "bob");
    let other = server.post_with("/accounts", &other, &key);
    assert_eq!((other.status, other.code().as_str()), (422, "command_id_reused"));
    assert_eq!(server.get("/accounts/bob").status, 404);
}

fn a_rejected_request_leaves_its_key_free(home: &Home) {
    let server = Server::start(home);
    let key = [("idempotency-key", "key-1")];
    let withdraw = || server.post_with("/accounts/alice/withdrawals", r#"{"amount":150}"#, &key);
    server.post("/accounts", ALICE).json(201);
    assert_eq!(withdraw().code(), "insufficient_funds");
    server.post(DEPOSIT, r#"{"amount":50}"#).json(200);
    assert_eq!(withdraw().json(200)["balance"], 0);
}

fn of_many_requests_with_one_key_at_once_one_takes_effect(home: &Home) {
    let server = Server::start(home);
    server.post("/accounts", ALICE).json(201);
    let deposit = || server.post_with(DEPOSIT, r#"{"amount":1}"#, &[("idempotency-key", "k")]);
    let answers: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(deposit)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap().json(200)).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer["repeated"] == false).count(), 1);
    assert_eq!(server.get("/accounts/alice").json(200)["balance"], 101);
}

//! What the server does when all is as it should be.

use serde_json::json;
use ureq::http::Request;

use crate::client::send;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    an_account_lives_over_http_from_opening_to_closing,
    an_account_is_shown_as_it_was,
    balances_beyond_the_exact_numbers_of_json_are_text,
    requests_give_their_id_and_their_trace_to_the_events,
}

const ALICE: &str = r#"{"account_id":"alice","owner_name":" Alice ","initial_balance":10000}"#;

fn an_account_lives_over_http_from_opening_to_closing(home: &Home) {
    let server = Server::start(home);
    let opened = server.post("/accounts", ALICE);
    assert_eq!(opened.header("location"), "/accounts/alice");
    let opened = opened.json(201);
    assert_eq!(opened["owner_name"], "Alice");
    assert_eq!(opened["events"][0]["event_type"], "account_opened");
    let deposited = server.post("/accounts/alice/deposits", r#"{"amount":2550}"#).json(200);
    assert_eq!((&deposited["balance"], &deposited["sequence"]), (&json!(12_550), &json!(2)));
    let withdrawn = server.post("/accounts/alice/withdrawals", r#"{"amount":12550}"#).json(200);
    assert_eq!((&withdrawn["balance"], &withdrawn["position"]), (&json!(0), &json!(3)));
    let closed = server.post("/accounts/alice/close", "{}").json(200);
    assert_eq!(closed["is_active"], false);
    let expected = json!({
        "account_id": "alice",
        "owner_name": "Alice",
        "balance": 0,
        "currency": "CZK",
        "is_active": false,
        "sequence": 4,
    });
    assert_eq!(server.get("/accounts/alice").json(200), expected);
}

#[test]
fn closing_needs_no_body() {
    let server = Server::start_on(&Home::new(), "memory:");
    let open = r#"{"account_id":"a","owner_name":"A","initial_balance":0}"#;
    assert_eq!(server.post("/accounts", open).status, 201);
    let close = Request::post(format!("{}/accounts/a/close", server.url));
    assert_eq!(send(close.body(Vec::new()).unwrap()).json(200)["is_active"], false);
}

#[test]
fn an_account_without_an_id_gets_one_and_says_where_it_is() {
    let server = Server::start_on(&Home::new(), "memory:");
    let open = r#"{"owner_name":"Bob","initial_balance":1}"#;
    let (first, second) = (server.post("/accounts", open), server.post("/accounts", open));
    assert_ne!(first.header("location"), second.header("location"));
    assert_eq!(server.get(first.header("location")).json(200)["balance"], 1);
}

fn an_account_is_shown_as_it_was(home: &Home) {
    let server = Server::start(home);
    server.post("/accounts", ALICE).json(201);
    server.post("/accounts/alice/deposits", r#"{"amount":1}"#).json(200);
    let balance =
        |query: &str| server.get(&format!("/accounts/alice?{query}")).json(200)["balance"].clone();
    assert_eq!(balance("at_sequence=1"), 10_000);
    assert_eq!(balance("at_sequence=2"), 10_001);
    let history = server.get("/accounts/alice/history").json(200);
    let time = history["events"][1]["timestamp"].as_str().unwrap();
    assert_eq!(balance(&format!("at={time}")), 10_001);
    assert_eq!(balance("at=2999-01-01T00:00:00%2B02:00"), 10_001);
    let code = |query: &str| server.get(&format!("/accounts/alice?{query}")).code();
    assert_eq!(code("at_sequence=3"), "sequence_ahead");
    assert_eq!(code("at_sequence=0"), "account_not_opened_then");
    assert_eq!(code("at=1999-01-01T00:00:00Z"), "account_not_opened_then");
}

fn balances_beyond_the_exact_numbers_of_json_are_text(home: &Home) {
    let server = Server::start(home);
    let open = r#"{"account_id":"a","owner_name":"A","initial_balance":9223372036854775807}"#;
    assert_eq!(server.post("/accounts", open).json(201)["balance"], "9223372036854775807");
    let deposit = server.post("/accounts/a/deposits", r#"{"amount":1}"#);
    assert_eq!((deposit.status, deposit.code().as_str()), (409, "balance_overflow"));
}

fn requests_give_their_id_and_their_trace_to_the_events(home: &Home) {
    let server = Server::start(home);
    let id = "0198c5f0-7b7e-7000-8000-00000000abcd";
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("x-request-id", id), ("traceparent", trace), ("tracestate", "a=1")];
    let opened = server.post_with("/accounts", ALICE, &headers);
    assert_eq!(opened.header("x-request-id"), id);
    let event = &server.get("/accounts/alice/history").json(200)["events"][0];
    let metadata = &event["metadata"];
    assert_eq!(metadata["correlation_id"], id);
    assert_eq!(metadata["causation_id"], opened.json(201)["command_id"]);
    assert_eq!((&metadata["traceparent"], &metadata["tracestate"]), (&json!(trace), &json!("a=1")));
    assert_eq!(metadata.get("actor"), None);
}

#[test]
fn ids_and_traces_that_are_malformed_are_left_aside() {
    let server = Server::start_on(&Home::new(), "memory:");
    let headers = [("x-request-id", "<script>"), ("traceparent", "00-0-0-0")];
    let opened = server.post_with("/accounts", ALICE, &headers);
    let id = opened.header("x-request-id").to_owned();
    assert_eq!((opened.status, id.len()), (201, 36));
    let event = &server.get("/accounts/alice/history").json(200)["events"][0];
    assert_eq!(event["metadata"]["correlation_id"], id);
    assert_eq!(event["metadata"].get("traceparent"), None);
}

#[test]
fn every_answer_names_its_request() {
    let server = Server::start_on(&Home::new(), "memory:");
    for path in ["/accounts/alice", "/nowhere", "/accounts/a%00"] {
        assert_eq!(server.get(path).header("x-request-id").len(), 36, "{path}");
    }
}

/// The lines are taken apart as a shell does, as far as they use its rules.
#[test]
fn the_commands_of_the_greeting_work_when_pasted() {
    let server = Server::start_on(&Home::new(), "memory:");
    assert!(server.greeting.contains(&"log          memory:".to_owned()), "{:?}", server.greeting);
    let commands: Vec<&String> = server.greeting.iter().filter(|it| it.contains("curl")).collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let parts: Vec<&str> = command.split('\'').collect();
        let url = command.rsplit(' ').next().unwrap();
        let path = url.strip_prefix(&server.url).unwrap();
        let answer = match parts[..] {
            [get] if get.trim_start().starts_with("curl http") => server.get(path),
            ["  curl -H ", "content-type: application/json", " -d ", body, _] => {
                server.post(path, body)
            }
            _ => panic!("{command}"),
        };
        assert!((200..300).contains(&answer.status), "{command}: {answer:?}");
    }
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let home = Home::new();
    let server = Server::start(&home);
    server.post("/accounts", ALICE).json(201);
    let refused = home.bank(&["account", "deposit", "alice", "1"]);
    assert!(refused.error(6).contains("is held for writing by process"), "{refused:?}");
    let shown = home.bank(&["account", "show", "alice", "--format", "json"]).json();
    assert_eq!(shown["balance"], 10_000);
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let server = Server::start_on(&Home::new(), "memory:");
    let args = ["serve", "--store", "memory:", "--listen", server.address()];
    let refused = Home::new().bank(&args);
    assert!(refused.error(2).starts_with("cannot listen on 127.0.0.1:"), "{refused:?}");
}

//! The description of the API: what it says, and that it is true.

use serde_json::Value;
use ureq::http::Request;

use crate::client::send;
use crate::contract::Description;
use crate::home::Home;
use crate::server::Server;

const FILE: &str = include_str!("../../openapi.json");

#[test]
fn the_description_is_the_one_that_is_checked_in() {
    let server = Server::start_on(&Home::new(), "memory:");
    let served = server.get("/openapi.json").json(200);
    let checked_in: Value = serde_json::from_str(FILE).unwrap();
    assert!(
        served == checked_in,
        "write what the service says at /openapi.json into examples/bank/openapi.json, indented"
    );
}

#[test]
fn answers_are_as_they_are_described() {
    let server = Server::start_on(&Home::new(), "memory:");
    let description = Description::new(server.get("/openapi.json").json(200));
    let open = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":100}"#;
    let bob = open.replace("alice", "bob");
    server.post("/accounts", &bob).json(201);
    let opened = server.post("/accounts", open).json(201);
    description.check("/accounts", "post", "201", &opened);
    let paid = server.post("/accounts/alice/deposits", r#"{"amount":5}"#).json(200);
    description.check("/accounts/{id}/deposits", "post", "200", &paid);
    let transfer =
        r#"{"from_account_id":"alice","to_account_id":"bob","amount":5,"mode":"instant"}"#;
    let moved = server.post("/transfers", transfer).json(201);
    description.check("/transfers", "post", "201", &moved);
    let refused = server.post("/accounts/alice/withdrawals", r#"{"amount":-1}"#);
    assert_eq!(refused.code(), "amount_not_positive");
    description.check("/accounts/{id}/withdrawals", "post", "422", &refused.problem());
    let period = &opened["events"][0]["payload"]["opened_at"].as_str().unwrap()[..7];
    let token = moved["consistency_token"].as_str().unwrap();
    let transfer = format!("/transfers/{}", moved["transfer_id"].as_str().unwrap());
    for (template, path) in [
        ("/accounts/{id}", "/accounts/alice"),
        ("/accounts/{id}/history", "/accounts/alice/history"),
        ("/accounts/{id}/summary", "/accounts/alice/summary"),
        ("/accounts/{id}/statements", "/accounts/alice/statements"),
        ("/accounts/{id}/statements/{period}", &format!("/accounts/alice/statements/{period}")),
        ("/accounts", "/accounts"),
        ("/total-balance", "/total-balance"),
        ("/transfers/{id}", &transfer),
        ("/admin/projections", "/admin/projections"),
        ("/admin/log", "/admin/log"),
        ("/admin/events", "/admin/events"),
        ("/admin/events/{position}", "/admin/events/1"),
        ("/admin/streams", "/admin/streams"),
        ("/admin/aggregates/{aggregate_type}/{aggregate_id}", "/admin/aggregates/account/alice"),
        ("/admin/leases", "/admin/leases"),
        ("/admin/dead-letters", "/admin/dead-letters"),
        ("/livez", "/livez"),
    ] {
        let request = Request::get(format!("{}{path}", server.url));
        let request = request.header("consistency-token", token);
        let answer = send(request.body(Vec::new()).unwrap()).json(200);
        description.check(template, "get", "200", &answer);
    }
}

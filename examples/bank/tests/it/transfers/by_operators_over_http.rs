//! Operators who look after transfers while the bank is served.

use serde_json::{Value, json};
use ureq::http::Request;

use super::halfway::{self, WITHDRAWN};
use super::on_the_command_line::open;
use super::order;
use crate::client::{Answer, send};
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    an_operator_settles_a_transfer_that_cannot_go_on,
    an_operator_has_a_refund_retried_when_there_is_room,
}

/// A server that asks who everybody is, as somebody sees it.
struct As<'a> {
    server: &'a Server,
    key: String,
}

impl<'a> As<'a> {
    /// Makes a key for somebody who is named after the role.
    fn key(home: &Home, role: &str) -> String {
        let args = ["keys", "create", role, "--role", role, "--format", "json"];
        home.bank(&args).json()["key"].as_str().unwrap().to_owned()
    }

    fn new(server: &'a Server, key: String) -> Self {
        Self { server, key: format!("Bearer {key}") }
    }

    fn get(&self, path: &str) -> Answer {
        self.get_with(path, "x-nothing", "")
    }

    fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.server.url));
        let request = request.header("authorization", &self.key).header(name, value);
        send(request.body(Vec::new()).unwrap())
    }

    fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [headers, &[("authorization", &*self.key)]].concat();
        self.server.post_with(path, body, &headers)
    }

    /// The transfer, once it waits for an operator or has ended.
    fn transfer(&self, id: &str) -> Value {
        let transfer = self.get_with(&format!("/transfers/{id}"), "prefer", "wait=15").json(200);
        assert_ne!(transfer["state"], "requested", "{transfer}");
        transfer
    }

    /// Asks until it is as it must be. The list of instances follows the log, and orders are
    /// followed by whoever runs the sagas: both within milliseconds, and each request takes a
    /// moment, so this ends, and fails, if it never comes.
    #[track_caller]
    fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut answers = (0..20_000).map(|_| self.get(path)).filter(|it| it.status == 200);
        let found = answers.find_map(|it| Some(it.json(200)).filter(&is_so));
        found.unwrap_or_else(|| panic!("{path} never came to be so: {}", self.get(path).body))
    }
}

fn parked_error(detail: &Value) -> &Value {
    &detail["open"][0]["parked"]["error"]
}

fn an_operator_settles_a_transfer_that_cannot_go_on(home: &Home) {
    for (id, balance) in [("alice", "100"), ("bob", "0")] {
        open(home, id, balance);
    }
    let id = halfway::begin(home, order("alice", "bob", 100), WITHDRAWN).to_string();
    for account in ["alice", "bob"] {
        assert_eq!(home.bank(&["account", "close", account]).code, Some(0));
    }
    let keys = ["reader", "teller", "operator"].map(|role| As::key(home, role));
    let server = Server::start(home);
    let [reader, teller, operator] = keys.map(|key| As::new(&server, key));
    let waiting = reader.transfer(&id);
    assert_eq!((&waiting["state"], &waiting["in_flight"]), (&json!("needs_operator"), &json!(100)));

    let has_one = |list: &Value| list["sagas"].as_array().unwrap().len() == 1;
    let listed = operator.until("/admin/sagas?state=parked&saga=transfer_saga", has_one);
    assert_eq!(listed["sagas"][0]["id"], *id);
    assert_eq!(parked_error(&listed["sagas"][0]), "the account is closed");
    let text = home.bank(&["sagas", "list"]).stdout;
    assert!(text.contains("an operator: refund: the account is closed"), "{text}");
    let text = home.bank(&["sagas", "show", "transfer_saga", &id]).stdout;
    assert!(text.contains("step_rejected 2: the account is closed"), "{text}");

    let path = format!("/admin/sagas/transfer_saga/{id}");
    let detail = operator.get(&path).json(200);
    assert_eq!(parked_error(&detail), "the account is closed");
    let timers = operator.get("/admin/timers").json(200);
    assert_eq!(timers, json!({"timers": [], "next_after": null}));

    // Nothing of this leaves a trace.
    let head = operator.get("/admin/log").json(200);
    let (retry, compensate, abandon) =
        (format!("{path}/retry"), format!("{path}/compensate"), format!("{path}/abandon"));
    let why = r#"{"why":"paid out in cash"}"#;
    for who in [&reader, &teller] {
        for path in [&path, "/admin/sagas", "/admin/timers"] {
            assert_eq!(who.get(path).code(), "forbidden", "{path}");
        }
        for order in [&retry, &compensate, &abandon] {
            assert_eq!(who.post(order, why, &[]).code(), "forbidden", "{order}");
        }
    }
    assert_eq!(server.post(&abandon, why).code(), "unauthenticated");
    let sequence = detail["sequence"].as_u64().unwrap();
    let stale = format!("\"{}\"", sequence - 1);
    let nowhere = "/admin/sagas/transfer_saga/nothing/abandon";
    let no_saga = "/admin/sagas/other_saga/nothing/abandon";
    for (path, body, headers, status, code) in [
        (&*compensate, why, &[][..], 409, "refused"),
        (&abandon, why, &[("if-match", &*stale)], 412, "precondition_failed"),
        (&abandon, "{}", &[], 422, "invalid_body"),
        (&abandon, r#"{"why":"x","by":"root"}"#, &[], 422, "invalid_body"),
        (&abandon, why, &[("idempotency-key", "two words")], 400, "malformed_header"),
        (nowhere, why, &[], 404, "not_found"),
        (no_saga, why, &[], 404, "not_found"),
    ] {
        let answer = operator.post(path, body, headers);
        assert_eq!((answer.status, &*answer.code()), (status, code), "{path} {body}");
    }
    assert_eq!(operator.get("/admin/log").json(200), head);

    // The accounts are as they were, so the refund is refused again.
    let key = [("idempotency-key", "k1")];
    let first = operator.post(&retry, r#"{"why":"try again"}"#, &key).json(202);
    assert_eq!((&first["sequence"], &first["repeated"]), (&json!(sequence + 1), &json!(false)));
    let is_parked = |detail: &Value| {
        detail["sequence"].as_u64() > Some(sequence + 1) && parked_error(detail).is_string()
    };
    operator.until(&path, is_parked);
    let again = operator.post(&retry, r#"{"why":"try again"}"#, &key).json(202);
    assert_eq!((&again["sequence"], &again["repeated"]), (&first["sequence"], &json!(true)));
    assert_eq!(operator.post(&retry, "{}", &key).code(), "command_id_reused");

    operator.post(&abandon, why, &[]).json(200);
    let abandoned = reader.transfer(&id);
    assert_eq!((&abandoned["state"], &abandoned["in_flight"]), (&json!("abandoned"), &json!(100)));
    let timeline = abandoned["timeline"].as_array().unwrap();
    let last = timeline.last().unwrap();
    assert_eq!(last["text"], "operator abandons it: paid out in cash");
    assert_eq!(last["metadata"]["actor"], "operator");
    assert!(timeline.iter().any(|it| it["text"] == "operator orders another try: try again"));
    for order in [&retry, &compensate, &abandon] {
        assert_eq!(operator.post(order, why, &[]).code(), "refused", "{order}");
    }
}

fn an_operator_has_a_refund_retried_when_there_is_room(home: &Home) {
    open(home, "alice", "100");
    let id = halfway::begin(home, order("alice", "bob", 100), WITHDRAWN).to_string();
    let full = i64::MAX.to_string();
    assert_eq!(home.bank(&["account", "deposit", "alice", &full]).code, Some(0));
    let keys = ["teller", "operator"].map(|role| As::key(home, role));
    let server = Server::start(home);
    let [teller, operator] = keys.map(|key| As::new(&server, key));
    assert_eq!(teller.transfer(&id)["state"], "needs_operator");

    let room = json!({"amount": i64::MAX - 7}).to_string();
    teller.post("/accounts/alice/withdrawals", &room, &[]).json(200);
    let path = format!("/admin/sagas/transfer_saga/{id}");
    operator.post(&format!("{path}/retry"), r#"{"why":"there is room"}"#, &[]).json(202);
    operator.until(&path, |detail| detail["state"] == "failed");
    let failed = teller.transfer(&id);
    assert_eq!((&failed["state"], &failed["in_flight"]), (&json!("failed"), &json!(0)));
    assert_eq!(teller.get("/accounts/alice").json(200)["balance"], 107);
}

#[test]
fn the_command_line_says_who_takes_an_order_while_a_file_is_served() {
    let home = Home::new();
    let server = Server::start(&home);
    for (order, why) in [("retry", "x"), ("compensate", "x"), ("abandon", "x")] {
        let refused = home.bank(&["sagas", order, "transfer_saga", "1", "--why", why]);
        let route =
            format!("POST /admin/sagas/transfer_saga/1/{order}: cannot open sqlite:bank.db");
        let says = refused.error(6);
        assert!(says.contains(&route) && says.contains("is held for writing by"), "{says}");
        let answer =
            server.post(&format!("/admin/sagas/transfer_saga/1/{order}"), r#"{"why":"x"}"#);
        assert_eq!(answer.code(), "not_found", "that is where it is taken");
    }
}

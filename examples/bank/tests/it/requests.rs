//! Requests that are not as they must be: each is answered with a problem and changes nothing.

use std::fmt::Write;

use ureq::http::Request;

use crate::client::{Answer, send};
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    bad_input_of_every_kind_is_answered_with_a_problem_and_changes_nothing,
}

/// A request that is not as it must be.
#[derive(Debug, Clone)]
struct Bad {
    about: &'static str,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

const OPEN: &str = "/accounts";
const DEPOSIT: &str = "/accounts/alice/deposits";
const WITHDRAW: &str = "/accounts/alice/withdrawals";
const CLOSE: &str = "/accounts/alice/close";

fn bad(about: &'static str, method: &'static str, path: &'static str) -> Bad {
    Bad { about, method, path, headers: Vec::new(), body: Vec::new() }
}

fn get(about: &'static str, path: &'static str) -> Bad {
    bad(about, "GET", path)
}

fn post(about: &'static str, path: &'static str, json: impl Into<Vec<u8>>) -> Bad {
    bad(about, "POST", path).header("content-type", "application/json").body(json)
}

/// Opens an account with a name that is written in JSON.
fn open(about: &'static str, name: &str) -> Bad {
    post(about, OPEN, format!(r#"{{"account_id":"b","owner_name":{name},"initial_balance":0}}"#))
}

/// Opens an account with an id that is written in JSON.
fn open_as(about: &'static str, id: &str) -> Bad {
    post(about, OPEN, format!(r#"{{"account_id":{id},"owner_name":"B","initial_balance":0}}"#))
}

/// Pays in an amount that is written in JSON.
fn deposit(about: &'static str, amount: &str) -> Bad {
    post(about, DEPOSIT, format!(r#"{{"amount":{amount}}}"#))
}

impl Bad {
    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn send(&self, server: &Server) -> Answer {
        let url = format!("{}{}", server.url, self.path);
        let mut request = Request::builder().method(self.method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        send(request.body(self.body.clone()).unwrap())
    }
}

fn accounts() -> Vec<Bad> {
    let initial = r#"{"account_id":"b","owner_name":"B","initial_balance":-1}"#;
    vec![
        get("unknown account", "/accounts/bob"),
        get("unknown account", "/accounts/bob/history"),
        post("unknown account", "/accounts/bob/deposits", r#"{"amount":1}"#),
        post("unknown account", "/accounts/bob/withdrawals", r#"{"amount":1}"#),
        bad("unknown account", "POST", "/accounts/bob/close"),
        open_as("exists", r#""alice""#),
        open_as("malformed id", r#""a b""#),
        open_as("malformed id", r#""""#),
        open_as("malformed id", "1"),
        get("malformed id", "/accounts/a%20b"),
        get("malformed id", "/accounts/%00"),
        get("malformed id", "/accounts/%ff"),
        get("malformed id", "/accounts/..%2Falice"),
        post("malformed id", "/accounts/a%0a/deposits", r#"{"amount":1}"#),
        open("empty name", r#""""#),
        open("empty name", r#""  ""#),
        open("huge name", &format!("{:?}", "x".repeat(201))),
        open("NUL in a name", r#""A\u0000""#),
        open("line break in a name", r#""A\nB""#),
        open("half a character", r#""\ud800""#),
        open("no name", "null"),
        post("negative", OPEN, initial),
        bad("not empty", "POST", CLOSE),
        get("malformed id", "/accounts/%00/summary"),
        get("malformed id", "/accounts/%00/statements/2026-01"),
        get("malformed period", "/accounts/alice/statements/2026-1"),
        get("malformed page", "/accounts?limit=0"),
        get("malformed page", "/accounts?limit=1001"),
        get("malformed page", "/accounts?after=alice"),
        get("malformed page", "/accounts?after=1.alice&after=2.alice"),
        get("malformed token", "/total-balance").header("consistency-token", "5"),
    ]
}

fn amounts() -> Vec<Bad> {
    vec![
        deposit("zero", "0"),
        deposit("zero", "-0"),
        deposit("negative", "-1"),
        post("negative", WITHDRAW, r#"{"amount":-9223372036854775808}"#),
        deposit("too large for the account", "9223372036854775807"),
        deposit("too large for a number", "9223372036854775808"),
        deposit("too large for a number", "99999999999999999999999"),
        deposit("too large for a number", "1e400"),
        deposit("not whole", "1.5"),
        deposit("not certain", "9007199254740992.0"),
        deposit("no number", r#""1""#),
        deposit("no number", "null"),
        deposit("no number", "NaN"),
        post("not covered", WITHDRAW, r#"{"amount":10001}"#),
    ]
}

fn bodies() -> Vec<Bad> {
    vec![
        post("missing field", OPEN, r#"{"account_id":"b","owner_name":"B"}"#),
        post("missing field", DEPOSIT, "{}"),
        post("unknown field", DEPOSIT, r#"{"amount":1,"actor":"root"}"#),
        post("unknown field", CLOSE, r#"{"force":true}"#),
        post("field twice", DEPOSIT, r#"{"amount":1,"amount":2}"#),
        post("list", DEPOSIT, " [1]"),
        post("list", OPEN, r#"["b","B",0]"#),
        post("list", CLOSE, "[]"),
        post("no object", DEPOSIT, "1"),
        post("nothing", DEPOSIT, ""),
        post("broken JSON", DEPOSIT, r#"{"amount":"#),
        post("broken JSON", DEPOSIT, r#"{"amount":1}}"#),
        post("broken JSON", CLOSE, "{"),
        post("NUL", DEPOSIT, "{\"amount\":1\0}"),
        post("not UTF-8", OPEN, b"{\"owner_name\":\"\xff\",\"initial_balance\":0}"),
        deposit("deep nesting", &"[".repeat(60_000)),
        post("deep nesting", DEPOSIT, "{\"x\":".repeat(10_000)),
        post("too large", DEPOSIT, " ".repeat(64 * 1024 + 1)),
        post("too large", CLOSE, " ".repeat(64 * 1024 + 1)),
    ]
}

fn headers() -> Vec<Bad> {
    let text = |path, body: &str| {
        bad("other content type", "POST", path).header("content-type", "text/plain").body(body)
    };
    let key = |about, value| deposit(about, "1").header("idempotency-key", value);
    vec![
        bad("no content type", "POST", DEPOSIT).body(r#"{"amount":1}"#),
        text(DEPOSIT, r#"{"amount":1}"#),
        text(CLOSE, "{}"),
        key("empty key", ""),
        key("malformed key", "a b"),
        key("two keys", "a").header("idempotency-key", "b"),
        bad("other site", "POST", CLOSE).header("origin", "https://example.com"),
        get("other site", "/accounts/alice").header("host", "example.com"),
    ]
}

fn addresses() -> Vec<Bad> {
    vec![
        get("malformed query", "/accounts/alice?at_sequence=-1"),
        get("malformed query", "/accounts/alice?at_sequence=9223372036854775808"),
        get("malformed query", "/accounts/alice?at=yesterday"),
        get("malformed query", "/accounts/alice?at_sequence=1&at=2026-01-01T00:00:00Z"),
        get("malformed query", "/accounts/alice?at_sequnce=1"),
        get("malformed query", "/accounts/alice/history?limit=0"),
        get("malformed query", "/accounts/alice/history?limit=1001"),
        get("malformed query", "/accounts/alice/history?after=x"),
        get("ahead", "/accounts/alice?at_sequence=2"),
        get("too early", "/accounts/alice?at=1999-01-01T00:00:00Z"),
        get("unknown path", "/"),
        post("unknown path", "/accounts/alice/transfers", "{}"),
        bad("wrong method", "DELETE", "/accounts/alice"),
        get("wrong method", DEPOSIT),
        bad("wrong method", "PUT", CLOSE),
    ]
}

fn bad_input_of_every_kind_is_answered_with_a_problem_and_changes_nothing(home: &Home) {
    let server = Server::start(home);
    let alice = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":10000}"#;
    server.post(OPEN, alice).json(201);
    let head = home.head();
    let mut table = String::new();
    for bad in [accounts(), amounts(), bodies(), headers(), addresses()].concat() {
        let answer = bad.send(&server);
        let problem = answer.problem();
        let Bad { about, method, path, .. } = bad;
        assert!((400..500).contains(&answer.status), "{about}: {answer:?}");
        let text = |member: &str| problem[member].as_str().unwrap().to_owned();
        let (code, title, detail) = (answer.code(), text("title"), text("detail"));
        writeln!(table, "{about}: {method} {path}\n  {} {code}: {title}", answer.status).unwrap();
        writeln!(table, "  {detail}\n").unwrap();
    }
    assert_eq!(home.head(), head);
    // Both tests of it mean the same snapshot, which only a name of its own tells insta.
    insta::assert_snapshot!("answers_to_bad_input", table);
}

#[test]
fn a_wrong_method_is_told_which_ones_are_right() {
    let server = Server::start_on(&Home::new(), "memory:");
    let answer = bad("wrong method", "DELETE", OPEN).send(&server);
    assert_eq!((answer.status, answer.header("allow")), (405, "POST,GET,HEAD"));
}

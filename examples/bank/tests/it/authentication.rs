//! Who may use the bank while it is served.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::Answer;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_key_opens_what_its_role_permits_and_its_holder_is_the_actor,
    a_key_is_revoked_while_the_bank_is_served,
}

const ALICE: &str = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":10000}"#;

/// A key of somebody who is named after the role.
pub(crate) fn key(home: &Home, role: &str) -> (String, String) {
    let args = ["keys", "create", role, "--role", role, "--format", "json"];
    let created = home.bank(&args).json();
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

fn open_alice(server: &Server, key: &str) -> Answer {
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", &*authorization), ("x-actor", "root")];
    server.post_with("/accounts", ALICE, &headers)
}

fn a_key_opens_what_its_role_permits_and_its_holder_is_the_actor(home: &Home) {
    let keys = ["reader", "teller", "operator"].map(|role| key(home, role).1);
    let server = Server::start(home);
    assert_eq!(server.get("/accounts/alice").status, 401);
    assert_eq!(server.get("/livez").status, 200, "that it lives is no secret");
    let [reader, teller, operator] = &keys;
    for (key, opening) in [(reader, 403), (operator, 403), (teller, 201)] {
        assert_eq!(open_alice(&server, key).status, opening, "{key}");
    }
    for (key, admin) in [(reader, 403), (teller, 403), (operator, 200)] {
        assert_eq!(server.get_with("/accounts/alice", key).status, 200, "{key}");
        assert_eq!(server.get_with("/admin/projections", key).status, admin, "{key}");
    }
    let history = server.get_with("/accounts/alice/history", reader).json(200);
    assert_eq!(history["events"][0]["metadata"]["actor"], "teller");
}

fn a_key_is_revoked_while_the_bank_is_served(home: &Home) {
    let (id, key) = key(home, "reader");
    let server = Server::start(home);
    assert_eq!(server.get_with("/accounts/alice", &key).status, 404);
    assert_eq!(home.bank(&["keys", "revoke", &id]).code, Some(0));
    // About a second; each request takes a moment, so this ends, and fails, if it never comes.
    let mut answers = (0..20_000).map(|_| server.get_with("/accounts/alice", &key).status);
    assert!(answers.any(|status| status == 401));
}

/// The lines of the feed, as long as it is open.
fn follow(server: &Server, key: &str) -> impl Iterator<Item = String> + use<> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // Never reached; a test that hangs says less than one that fails.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = "GET /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer";
    write!(stream, "{head} {key}\r\n\r\n").unwrap();
    BufReader::new(stream).lines().map(Result::unwrap)
}

#[test]
fn who_follows_the_feed_with_a_key_that_is_revoked_is_cut_off_and_others_are_not() {
    let home = Home::new();
    let [(id, revoked), (_, kept)] = ["reader", "teller"].map(|role| key(&home, role));
    let server = Server::start(&home);
    let [mut of_revoked, mut of_kept] = [&revoked, &kept].map(|key| follow(&server, key));
    for lines in [&mut of_revoked, &mut of_kept] {
        assert!(lines.any(|line| line == "id: 0"));
    }
    assert_eq!(home.bank(&["keys", "revoke", &id]).code, Some(0));
    // Had it not been cut off, there would be a heartbeat now and then.
    let rest: Vec<_> = of_revoked.by_ref().take(20).collect();
    assert!(rest.len() < 20, "it goes on: {rest:?}");
    assert!(!rest.concat().contains("account_opened"), "nothing has happened: {rest:?}");
    assert_eq!(open_alice(&server, &kept).status, 201);
    assert!(of_kept.any(|line| line.contains("account_opened")));
}

#[test]
fn a_request_that_is_not_let_in_is_named_in_the_log_as_in_its_answer() {
    let home = Home::new();
    let (id, key) = key(&home, "reader");
    let mut server = Server::start_with(&home, &[("RUST_LOG", "info".to_owned())]);
    let wrong = key.replace(&id, "0123456789abcdef");
    let answer = server.get_with("/accounts/alice", &wrong);
    assert_eq!((answer.status, &*answer.code()), (401, "invalid_credentials"));
    let mut line = server.next_error_line();
    while !line.contains("a request was not let in") {
        line = server.next_error_line();
    }
    assert!(line.contains(answer.header("x-request-id")), "{line}");
    assert!(!line.contains(&wrong) && !line.contains(&key), "{line}");
}

#[test]
fn other_machines_are_only_served_where_somebody_is_asked() {
    let home = Home::new();
    let exposed = home.bank(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(exposed.error(2).contains("create an API key"), "{exposed:?}");
    let missing =
        ["serve", "--jwks", "missing.json", "--jwt-issuer", "https://id", "--jwt-audience", "bank"];
    let missing = home.bank(&missing);
    assert_eq!(missing.code, Some(5), "{missing:?}");
    assert_eq!(home.bank(&["serve", "--jwks", "missing.json"]).code, Some(2));
}

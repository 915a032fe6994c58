//! Events that the bank cannot read, because newer code has written them.

use annals::limits::PAYLOAD_BYTES_MAX;
use annals::{EventType, Json, NewEvent, StreamId};
use serde_json::{Value, json};

use crate::each_store::on_each_store;
use crate::home::Home;

on_each_store! {
    an_event_of_the_future_stops_its_account_and_nothing_else,
}

/// A deposit as the log has it, with another version.
pub(crate) fn deposit(id: &str, version: u32, amount: &Value) -> NewEvent {
    let payload = json!({"amount": amount, "deposited_at": "2026-01-31T12:00:00Z"}).to_string();
    let payload = Json::parse("payload", payload, PAYLOAD_BYTES_MAX).unwrap();
    let stream = StreamId::new("account", id).unwrap();
    NewEvent::new(stream, EventType::new("money_deposited").unwrap(), version, payload).unwrap()
}

fn balance(home: &Home, id: &str) -> Value {
    home.bank(&["account", "summary", id, "--format", "json"]).json()["balance"].clone()
}

fn letters(home: &Home, args: &[&str]) -> Vec<Value> {
    let list = [&["projections", "dead-letters", "list", "--format", "json"], args].concat();
    home.bank(&list).json()["dead_letters"].as_array().unwrap().clone()
}

fn an_event_of_the_future_stops_its_account_and_nothing_else(home: &Home) {
    for id in ["alice", "bob"] {
        let open = ["account", "open", id, "--owner-name", id, "--initial-balance", "100"];
        assert_eq!(home.bank(&open).code, Some(0));
    }
    home.append(vec![
        deposit("alice", 2, &json!({"minor": 5, "currency": "CZK"})),
        deposit("alice", 1, &json!(10)),
        deposit("bob", 1, &json!(1)),
    ]);
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (json!(100), json!(101)));

    let found = letters(home, &[]);
    let projections: Vec<_> =
        found.iter().map(|letter| letter["generation"]["projection"].as_str().unwrap()).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(["account_summary", "account_statement"].iter().all(|it| projections.contains(it)));
    let of_summary = letters(home, &["--projection", "account_summary"]);
    let id = of_summary[0]["id"].as_str().unwrap();
    assert_eq!((&of_summary[0]["position"], &of_summary[0]["queued"]), (&json!(3), &json!(1)));
    let command = |args: &[&str]| home.bank(&[&["projections", "dead-letters"], args].concat());
    let shown = command(&["show", id]);
    for expected in ["account/alice", "money_deposited", "\"minor\":5", "version   2"] {
        assert!(shown.stdout.contains(expected), "{expected} in {}", shown.stdout);
    }
    let status = home.bank(&["projections", "status", "--format", "json"]).json();
    assert_eq!(status["projections"][0]["dead_letters"], 1);

    // The code is as it was, so the event fails again.
    let retried = command(&["retry", id, "--by", "olga"]);
    assert_eq!(retried.code, Some(7), "{retried:?}");
    assert!(retried.stdout.starts_with("position 3 failed again: "), "{retried:?}");
    let retried = command(&["retry", id, "--by", "olga", "--format", "json"]);
    assert_eq!(retried.code, Some(7), "{retried:?}");
    let told: Value = serde_json::from_str(&retried.stdout).unwrap();
    assert_eq!(
        (&told["outcome"], &told["dead_letter"]["id"]),
        (&json!("failed_again"), &json!(id))
    );
    let all = command(&["retry-all", "--by", "olga", "--format", "json"]).json();
    assert_eq!(all, json!({"retried": 2, "left": 2}));
    let all = command(&["retry-all", "--by", "olga"]);
    assert_eq!(all.stdout, "2 retried, some failed again\n");

    let discard = ["discard", id, "--by", "olga", "--why", "entered twice", "--format", "json"];
    let discarded = command(&discard).json();
    assert_eq!(discarded["outcome"], "discarded");
    assert_eq!(discarded["dead_letter"]["request"]["why"], "entered twice");
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (json!(110), json!(101)));
    assert_eq!(letters(home, &["--projection", "account_summary"]), [] as [Value; 0]);
    let told = letters(home, &["--projection", "account_summary", "--discarded"]);
    let request = json!({"kind": "discard", "by": "olga", "why": "entered twice"});
    assert_eq!(told[0]["request"], request);
}

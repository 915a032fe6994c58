//! Transfers that cannot go on by themselves.

use serde_json::{Value, json};

use super::halfway::{self, WITHDRAWN};
use super::on_the_command_line::{balance, open};
use super::order;
use crate::each_store::on_each_store;
use crate::home::{Finished, Home};
use crate::server::Server;

on_each_store! {
    with_both_accounts_closed_the_money_waits_for_an_operator,
    a_refund_that_finds_no_room_is_retried_when_there_is_some,
    an_operator_has_a_transfer_undone,
}

fn sagas(home: &Home, args: &[&str]) -> Finished {
    home.bank(&[&["sagas"], args].concat())
}

fn transfer(home: &Home, id: &str) -> Value {
    home.bank(&["transfers", "show", id, "--format", "json"]).json()
}

fn done(home: &Home, args: &[&str]) {
    let finished = home.bank(args);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// What is on all accounts, by the read models.
fn total(home: &Home) -> i64 {
    let total = home.bank(&["accounts", "total", "--format", "json"]).json();
    total["balance"].as_i64().unwrap()
}

/// The server brings it as far as it comes.
#[track_caller]
fn serve_until_it_waits(home: &Home, id: &str) -> Value {
    let server = Server::start(home);
    let path = format!("/transfers/{id}");
    let request = ureq::http::Request::get(format!("{}{path}", server.url));
    let request = request.header("prefer", "wait=15").body(Vec::new()).unwrap();
    let waiting = crate::client::send(request).json(200);
    assert_eq!(waiting["state"], "needs_operator", "{waiting}");
    waiting
}

fn with_both_accounts_closed_the_money_waits_for_an_operator(home: &Home) {
    for (id, balance) in [("alice", "100"), ("bob", "0"), ("carol", "5")] {
        open(home, id, balance);
    }
    let id = halfway::begin(home, order("alice", "bob", 100), WITHDRAWN).to_string();
    done(home, &["account", "close", "alice"]);
    done(home, &["account", "close", "bob"]);
    let waiting = serve_until_it_waits(home, &id);
    assert_eq!(waiting["in_flight"], 100);
    let waits = &waiting["waiting_for"];
    let expected = ("refund 1.00 CZK to alice", "the account is closed");
    assert_eq!(
        (waits["step"].as_str(), waits["error"].as_str()),
        (Some(expected.0), Some(expected.1))
    );
    assert_eq!(total(home), 5);

    let parked = sagas(home, &["list", "--state", "parked", "--format", "json"]).json();
    assert_eq!(parked["sagas"][0]["id"], *id);
    let listed = sagas(home, &["list", "--saga", "transfer_saga"]).stdout;
    assert!(listed.contains("parked") && listed.contains("an operator: refund"), "{listed}");
    let old = sagas(home, &["list", "--older-than", "1d", "--format", "json"]).json();
    assert_eq!(old["sagas"], json!([]));
    let shown = sagas(home, &["show", "transfer_saga", &id]).stdout;
    assert!(shown.contains("waits for an operator"), "{shown}");

    // The accounts are as they were, so the refund is refused again.
    let why = ["--by", "olga", "--why", "try again"];
    let retried = sagas(home, &[&["retry", "transfer_saga", &id], &why[..]].concat());
    assert_eq!(retried.code, Some(8), "{retried:?}");
    assert_eq!(transfer(home, &id)["state"], "needs_operator");
    let refused = sagas(home, &[&["compensate", "transfer_saga", &id], &why[..]].concat());
    assert_eq!(refused.error(3), "the saga instance is being compensated already");

    let why = ["--by", "olga", "--why", "paid out in cash", "--format", "json"];
    let detail = sagas(home, &[&["abandon", "transfer_saga", &id], &why[..]].concat()).json();
    assert_eq!((&detail["state"], &detail["reason"]), (&json!("abandoned"), &json!(why[3])));
    let abandoned = transfer(home, &id);
    assert_eq!((&abandoned["state"], &abandoned["in_flight"]), (&json!("abandoned"), &json!(100)));
    assert_eq!(abandoned["failure"]["reason"], "paid out in cash");
    let told: Vec<_> = abandoned["timeline"].as_array().unwrap().iter().collect();
    let told = |text: &str| told.iter().any(|entry| entry["text"] == text);
    assert!(told("olga orders another try: try again"), "{abandoned}");
    assert!(told("olga abandons it: paid out in cash"), "{abandoned}");
    assert_eq!(total(home), 5);
    let again = sagas(home, &["retry", "transfer_saga", &id]);
    assert_eq!(again.error(3), "the saga instance has ended");
}

fn a_refund_that_finds_no_room_is_retried_when_there_is_some(home: &Home) {
    open(home, "alice", "100");
    let id = halfway::begin(home, order("alice", "bob", 100), WITHDRAWN).to_string();
    done(home, &["account", "deposit", "alice", &i64::MAX.to_string()]);
    let waiting = serve_until_it_waits(home, &id);
    assert_eq!(waiting["in_flight"], 100);

    done(home, &["account", "withdraw", "alice", &(i64::MAX - 7).to_string()]);
    let retry = ["retry", "transfer_saga", &id, "--why", "there is room", "--format", "json"];
    let detail = sagas(home, &retry).json();
    assert_eq!(detail["state"], "failed");
    let failed = transfer(home, &id);
    assert_eq!((&failed["state"], &failed["in_flight"]), (&json!("failed"), &json!(0)));
    let reason = "cannot deposit to bob: the account does not exist";
    assert_eq!(failed["failure"], json!({"code": "account_not_found", "reason": reason}));
    assert_eq!((balance(home, "alice"), total(home)), (107, 107));
}

fn an_operator_has_a_transfer_undone(home: &Home) {
    open(home, "alice", "100");
    open(home, "bob", "0");
    // The deposit has been made, and nobody has taken note of it.
    let id = halfway::begin(home, order("alice", "bob", 60), WITHDRAWN + 1).to_string();
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (40, 60));
    let why = ["--by", "olga", "--why", "wrong account", "--format", "json"];
    let detail = sagas(home, &[&["compensate", "transfer_saga", &id], &why[..]].concat()).json();
    assert_eq!(detail["state"], "failed");
    let failed = transfer(home, &id);
    let failure = json!({"code": "compensated_by_operator", "reason": "wrong account"});
    assert_eq!((&failed["state"], &failed["failure"]), (&json!("failed"), &failure));
    assert_eq!((balance(home, "alice"), balance(home, "bob")), (100, 0));
    assert_eq!(total(home), 100);
    let unknown = sagas(home, &["show", "transfer_saga", "nothing"]);
    assert_eq!(unknown.error(4), "there is no instance nothing of saga transfer_saga");
    assert_eq!(sagas(home, &["show", "other_saga", &id]).code, Some(4));
}

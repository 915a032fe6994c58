//! Transfers as requests.

use std::thread;

use annals::StepCommandId;
use bank::transfer_saga::TransferSaga;
use serde_json::{Value, json};
use ureq::http::Request;

use super::halfway::{self, ACTIONS};
use super::order;
use crate::client::{Answer, send};
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::reading::token;
use crate::server::Server;

on_each_store! {
    a_transfer_moves_money_and_everything_names_it,
    what_led_to_each_event_of_a_transfer_is_in_the_log,
    whoever_waits_is_told_the_end,
    what_is_no_transfer_is_refused_before_anything_is_written,
    a_transfer_in_one_step_is_made_or_refused,
    a_repeated_request_is_one_transfer,
    whatever_action_was_the_last_the_transfer_ends_after_a_restart,
    transfers_that_were_acknowledged_end_although_the_server_is_killed,
}

const WAIT: (&str, &str) = ("prefer", "wait=15");

fn open(server: &Server, id: &str, balance: i64) {
    let open = json!({"account_id": id, "owner_name": id, "initial_balance": balance});
    server.post("/accounts", &open.to_string()).json(201);
}

fn transfer(from: &str, to: &str, amount: i64) -> String {
    json!({"from_account_id": from, "to_account_id": to, "amount": amount}).to_string()
}

fn balance(server: &Server, id: &str) -> i64 {
    server.get(&format!("/accounts/{id}")).json(200)["balance"].as_i64().unwrap()
}

fn sequence(server: &Server, id: &str) -> u64 {
    server.get(&format!("/accounts/{id}")).json(200)["sequence"].as_u64().unwrap()
}

/// A transfer when it has ended.
#[track_caller]
fn end(server: &Server, path: &str) -> Value {
    let request = Request::get(format!("{}{path}", server.url)).header(WAIT.0, WAIT.1);
    let answer = send(request.body(Vec::new()).unwrap()).json(200);
    assert_ne!(answer["state"], "requested", "{answer}");
    answer
}

/// Asks for a transfer, and waits for its end.
#[track_caller]
fn transfer_to_its_end(server: &Server, from: &str, to: &str, amount: i64) -> Value {
    let answer = server.post_with("/transfers", &transfer(from, to, amount), &[WAIT]);
    assert_eq!(answer.header("preference-applied"), "wait=15");
    answer.json(200)
}

fn a_transfer_moves_money_and_everything_names_it(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 10_000);
    open(&server, "bob", 500);
    let request_id = "0198c5f0-7b7e-7000-8000-00000000000a";
    let headers = [("x-request-id", request_id)];
    let accepted = server.post_with("/transfers", &transfer("alice", "bob", 2_500), &headers);
    let path = accepted.header("location").to_owned();
    let accepted = accepted.json(202);
    let id = accepted["transfer_id"].as_str().unwrap();
    assert_eq!(path, format!("/transfers/{id}"));
    assert_eq!((&accepted["mode"], &accepted["currency"]), (&json!("saga"), &json!("CZK")));

    let ended = end(&server, &path);
    assert_eq!((&ended["state"], &ended["in_flight"]), (&json!("completed"), &json!(0)));
    assert_eq!((balance(&server, "alice"), balance(&server, "bob")), (7_500, 3_000));
    let timeline = ended["timeline"].as_array().unwrap();
    let names: Vec<_> =
        timeline.iter().map(|entry| entry["event_type"].as_str().unwrap()).collect();
    let expected = [
        "transfer_requested",
        "saga.event_taken",
        "money_withdrawn",
        "saga.step_succeeded",
        "money_deposited",
        "saga.step_succeeded",
        "transfer_completed",
    ];
    assert_eq!(&names[..7], expected);
    for entry in timeline {
        assert_eq!(entry["metadata"]["correlation_id"], request_id, "{entry}");
    }

    let token = token(&ended);
    for (account, amount, balance) in [("alice", -2_500, 7_500), ("bob", 2_500, 3_000)] {
        let history = server.get(&format!("/accounts/{account}/history")).json(200);
        assert_eq!(history["events"][1]["payload"]["transfer_id"], id);
        let summary = server.read(&format!("/accounts/{account}/summary"), token);
        assert_eq!(summary["balance"], balance);
        let months = server.read(&format!("/accounts/{account}/statements"), token);
        let period = months["periods"][0]["period"].as_str().unwrap();
        let statement = server.read(&format!("/accounts/{account}/statements/{period}"), token);
        let entry = &statement["entries"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&entry["amount"], &entry["transfer_id"]), (&json!(amount), &json!(id)));
        assert_eq!(entry["balance"], balance);
    }
    assert_eq!(server.read("/total-balance", token)["balance"], 10_500);
}

/// The request led to the transfer, its event to the saga, and each step to what it moved.
fn what_led_to_each_event_of_a_transfer_is_in_the_log(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 100);
    open(&server, "bob", 0);
    // The id of the command that a key stands for is that of the transfer as well.
    let headers = [WAIT, ("idempotency-key", "one")];
    let ended = server.post_with("/transfers", &transfer("alice", "bob", 10), &headers).json(200);
    let id = ended["transfer_id"].as_str().unwrap();
    let timeline = ended["timeline"].as_array().unwrap().iter().take(7);
    let causes: Vec<_> = timeline.map(|it| it["metadata"]["causation_id"].clone()).collect();
    let saga = server.get(&format!("/admin/sagas/transfer_saga/{id}")).json(200);
    let step = |number| json!(StepCommandId::step::<TransferSaga>(id, number, 0));
    let [withdraw, deposit, complete] = [1, 2, 3].map(step);
    let requested = saga["origin"]["event_id"].clone();
    let noted = [withdraw.clone(), withdraw, deposit.clone(), deposit, complete];
    assert_eq!(causes, [&[json!(id), requested][..], &noted].concat());
    // The saga began with the first event of the transfer, and tells its place.
    assert_eq!(saga["origin"]["position"], ended["timeline"][0]["position"]);
}

fn whoever_waits_is_told_the_end(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 100);
    open(&server, "bob", 0);
    open(&server, "carol", 0);
    server.post("/accounts/carol/close", "{}").json(200);
    open(&server, "full", i64::MAX);
    assert_eq!(transfer_to_its_end(&server, "alice", "bob", 10)["state"], "completed");

    for (from, to, amount, code, reason, touched) in [
        (
            "alice",
            "bob",
            91,
            "insufficient_funds",
            "cannot withdraw from alice: the balance is 0.90, which does not cover 0.91",
            0,
        ),
        (
            "carol",
            "bob",
            1,
            "account_closed",
            "cannot withdraw from carol: the account is closed",
            0,
        ),
        (
            "dave",
            "bob",
            1,
            "account_not_found",
            "cannot withdraw from dave: the account does not exist",
            0,
        ),
        (
            "alice",
            "carol",
            90,
            "account_closed",
            "cannot deposit to carol: the account is closed",
            2,
        ),
        (
            "alice",
            "dave",
            90,
            "account_not_found",
            "cannot deposit to dave: the account does not exist",
            2,
        ),
        (
            "alice",
            "full",
            1,
            "balance_overflow",
            "cannot deposit to full: a balance of 92233720368547758.07 and 0.01 more is too much \
             to be counted",
            2,
        ),
    ] {
        let before = (sequence(&server, "alice"), sequence(&server, "bob"));
        let failed = transfer_to_its_end(&server, from, to, amount);
        assert_eq!((&failed["state"], &failed["in_flight"]), (&json!("failed"), &json!(0)));
        assert_eq!(failed["failure"], json!({"code": code, "reason": reason}));
        assert_eq!((balance(&server, "alice"), balance(&server, "bob")), (90, 10));
        let after = (sequence(&server, "alice"), sequence(&server, "bob"));
        assert_eq!(after, (before.0 + touched, before.1), "{reason}");
    }
    // There is nothing left to wait for.
    let unknown = "/transfers/0198c5f0-7b7e-7000-8000-000000000001";
    assert_eq!(server.get(unknown).code(), "transfer_not_found");
}

fn what_is_no_transfer_is_refused_before_anything_is_written(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 100);
    open(&server, "bob", 0);
    let head = home.head();
    let with = |field: &str, value: Value| {
        let mut body: Value = serde_json::from_str(&transfer("alice", "bob", 1)).unwrap();
        body[field] = value;
        body.to_string()
    };
    for mode in ["saga", "instant"] {
        for (field, value, status, code) in [
            ("to_account_id", json!("alice"), 422, "same_account"),
            ("amount", json!(0), 422, "amount_not_positive"),
            ("amount", json!(-1), 422, "amount_not_positive"),
            ("amount", json!(9_223_372_036_854_775_808_u64), 422, "invalid_body"),
            ("amount", json!("1"), 422, "invalid_body"),
            ("amount", json!(1.5), 422, "invalid_body"),
            ("from_account_id", json!("al ice"), 422, "invalid_body"),
            ("transfer_id", json!("one"), 422, "invalid_body"),
            ("when", json!("soon"), 422, "invalid_body"),
        ] {
            let mut body: Value = serde_json::from_str(&with(field, value)).unwrap();
            body["mode"] = json!(mode);
            let answer = server.post("/transfers", &body.to_string());
            assert_eq!((answer.status, &*answer.code()), (status, code), "{body}");
        }
    }
    assert_eq!(server.post("/transfers", &with("mode", json!("later"))).code(), "invalid_body");
    assert_eq!(server.get("/transfers/one").code(), "malformed_transfer_id");
    assert_eq!(home.head(), head);
}

fn instantly(server: &Server, from: &str, to: &str, amount: i64) -> Answer {
    let mut body: Value = serde_json::from_str(&transfer(from, to, amount)).unwrap();
    body["mode"] = json!("instant");
    server.post("/transfers", &body.to_string())
}

fn a_transfer_in_one_step_is_made_or_refused(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 100);
    open(&server, "bob", 0);
    open(&server, "carol", 0);
    server.post("/accounts/carol/close", "{}").json(200);
    let made = instantly(&server, "alice", "bob", 100);
    let path = made.header("location").to_owned();
    let made = made.json(201);
    assert_eq!((&made["mode"], &made["state"]), (&json!("instant"), &json!("completed")));
    assert_eq!(made["timeline"].as_array().unwrap().len(), 3);
    assert_eq!((balance(&server, "alice"), balance(&server, "bob")), (0, 100));
    let total = server.read("/total-balance", token(&made));
    assert_eq!(total["balance"], 100);

    let settled = home.head();
    for (from, to, code) in [
        ("alice", "bob", "insufficient_funds"),
        ("bob", "carol", "account_closed"),
        ("bob", "dave", "account_not_found"),
        ("dave", "bob", "account_not_found"),
    ] {
        let refused = instantly(&server, from, to, 1);
        assert_eq!((refused.status, &*refused.code()), (409, code));
        let detail = refused.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("cannot "), "{detail}");
    }
    assert_eq!(home.head(), settled);
    assert_eq!(end(&server, &path)["timeline"], made["timeline"]);
}

fn a_repeated_request_is_one_transfer(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 100);
    open(&server, "bob", 0);
    for mode in ["saga", "instant"] {
        let mut body: Value = serde_json::from_str(&transfer("alice", "bob", 10)).unwrap();
        body["mode"] = json!(mode);
        let headers = [("idempotency-key", mode), WAIT];
        let send = |body: &Value| server.post_with("/transfers", &body.to_string(), &headers);
        let paths = [(); 3].map(|()| send(&body).header("location").to_owned());
        assert!(paths.iter().all(|path| *path == paths[0] && !path.is_empty()), "{paths:?}");
        assert_eq!(end(&server, &paths[0])["state"], "completed");
        body["amount"] = json!(11);
        assert_eq!(send(&body).code(), "command_id_reused");
        body["amount"] = json!(10);
        body["mode"] = json!(if mode == "saga" { "instant" } else { "saga" });
        let other_mode = send(&body);
        assert!(other_mode.status >= 400, "{other_mode:?}");
    }
    assert_eq!((balance(&server, "alice"), balance(&server, "bob")), (80, 20));
}

fn whatever_action_was_the_last_the_transfer_ends_after_a_restart(home: &Home) {
    let server = Server::start(home);
    open(&server, "alice", 10_000);
    open(&server, "bob", 0);
    open(&server, "carol", 0);
    server.post("/accounts/carol/close", "{}").json(200);
    drop(server);
    let to_bob = (0..=ACTIONS).map(|actions| (order("alice", "bob", 1), actions, "completed"));
    // Withdraw, be refused, refund, fail: an action for each, and one to take note of it.
    let to_carol = (0..=9).map(|actions| (order("alice", "carol", 100), actions, "failed"));
    let begun: Vec<_> = to_bob
        .chain(to_carol)
        .map(|(order, actions, state)| (halfway::begin(home, order, actions), actions, state))
        .collect();
    let server = Server::start(home);
    for (id, actions, state) in begun {
        let ended = end(&server, &format!("/transfers/{id}"));
        assert_eq!(ended["state"], state, "after {actions} actions: {ended}");
        assert_eq!(ended["in_flight"], 0);
    }
    assert_eq!((balance(&server, "alice"), balance(&server, "bob")), (9_992, 8));
}

const CLIENTS: usize = 4;
const TRANSFERS: usize = 25;

fn transfers_that_were_acknowledged_end_although_the_server_is_killed(home: &Home) {
    let server = Server::start(home);
    let accounts: Vec<String> = (0..CLIENTS).map(|number| format!("a{number}")).collect();
    for account in &accounts {
        open(&server, account, 100);
    }
    let mut paths = Vec::new();
    let mut server = Some(server);
    for round in 0..3 {
        let running = server.take().unwrap();
        let asked = thread::scope(|scope| {
            let clients = (0..CLIENTS).map(|client| {
                let (running, accounts) = (&running, &accounts);
                scope.spawn(move || {
                    let ask = |number: usize| {
                        let to = (client + 1 + number % (CLIENTS - 1)) % CLIENTS;
                        let amount = i64::try_from(7 + number * 3 + round).unwrap();
                        let body = transfer(&accounts[client], &accounts[to], amount);
                        let answer = running.post("/transfers", &body);
                        let path = answer.header("location").to_owned();
                        answer.json(202);
                        path
                    };
                    (0..TRANSFERS).map(ask).collect::<Vec<_>>()
                })
            });
            let clients: Vec<_> = clients.collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        paths.extend(asked);
        // Dropping it kills it, with the last transfers on their way.
        drop(running);
        server = Some(Server::start(home));
    }
    let server = server.unwrap();
    let mut last = None;
    for path in &paths {
        let ended = end(&server, path);
        assert!(["completed", "failed"].contains(&ended["state"].as_str().unwrap()), "{ended}");
        let ends = ended["timeline"].as_array().unwrap().iter();
        let names = ["transfer_completed", "transfer_failed"];
        let ends = ends.filter(|it| names.contains(&it["event_type"].as_str().unwrap()));
        assert_eq!((ends.count(), &ended["in_flight"]), (1, &json!(0)), "{ended}");
        last = Some(ended);
    }
    assert_eq!(paths.len(), 3 * CLIENTS * TRANSFERS);
    let sum: i64 = accounts.iter().map(|account| balance(&server, account)).sum();
    assert_eq!(sum, 400);
    let total = server.read("/total-balance", token(&last.unwrap()));
    assert_eq!(total["balance"], 400);
}

//! Read models that are rebuilt, gone back to and looked after while the bank is served, or not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::crash;
use crate::each_store::on_each_store;
use crate::expected::Expected;
use crate::home::Home;
use crate::reading::{position_of, token};
use crate::server::Server;

on_each_store! {
    a_rebuild_while_the_bank_is_served_is_not_noticed,
    a_killed_server_leaves_read_models_that_become_the_accounts,
    without_a_server_a_command_brings_the_read_models_up_to_date,
    a_command_that_waits_leaves_read_models_that_show_it,
    without_a_server_a_rebuild_is_done_by_whoever_asks,
}

/// What `bank projections status` says of each generation: its number, what it is for, how far it
/// is.
fn generations(home: &Home, projection: &str) -> Vec<(u64, String, u64)> {
    let status = home.bank(&["projections", "status", "--format", "json"]).json();
    let all = status["projections"].as_array().unwrap().iter();
    all.filter(|one| one["generation"]["key"]["projection"] == projection)
        .map(|one| {
            let generation = &one["generation"];
            let number = generation["key"]["number"].as_u64().unwrap();
            let state = generation["state"].as_str().unwrap().to_owned();
            (number, state, one["position"].as_u64().unwrap())
        })
        .collect()
}

fn states(home: &Home, projection: &str) -> Vec<(u64, String)> {
    generations(home, projection).into_iter().map(|(number, state, _)| (number, state)).collect()
}

fn are(states: &[(u64, &str)]) -> Vec<(u64, String)> {
    states.iter().map(|(number, state)| (*number, (*state).to_owned())).collect()
}

fn open(server: &Server, id: &str) -> Value {
    let open = json!({"account_id": id, "owner_name": "A", "initial_balance": 1_000});
    server.post("/accounts", &open.to_string()).json(201)
}

/// The read models show what the accounts are.
#[track_caller]
fn assert_read_models_are_the_accounts(server: &Server, ids: &[&str], token: &str) {
    let mut sum = 0;
    for id in ids {
        let account = server.get(&format!("/accounts/{id}")).json(200);
        let summary = server.read(&format!("/accounts/{id}/summary"), token);
        assert_eq!(summary["balance"], account["balance"], "{id}");
        let months = server.read(&format!("/accounts/{id}/statements"), token);
        assert_eq!(months["periods"][0]["closing_balance"], account["balance"], "{id}");
        assert_eq!(months["periods"][0]["last_sequence"], account["sequence"], "{id}");
        sum += account["balance"].as_i64().unwrap();
    }
    let total = server.read("/total-balance", token);
    assert_eq!((&total["balance"], &total["accounts"]), (&json!(sum), &json!(ids.len())));
}

fn a_rebuild_while_the_bank_is_served_is_not_noticed(home: &Home) {
    let server = Server::start(home);
    let ids = ["a", "b", "c"];
    let opened = ids.map(|id| open(&server, id));
    // Both have been built, so that a rebuild is another one.
    assert_read_models_are_the_accounts(&server, &ids, token(&opened[2]));
    let is_over = AtomicBool::new(false);
    let last = thread::scope(|scope| {
        let (server, is_over) = (&server, &is_over);
        let writer = scope.spawn(move || {
            let mut last = open(server, "d");
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let path = format!("/accounts/{}/deposits", ids[number % ids.len()]);
                last = server.post(&path, r#"{"amount":1}"#).json(200);
                let id = last["account_id"].as_str().unwrap();
                let summary = server.read(&format!("/accounts/{id}/summary"), token(&last));
                assert_eq!(summary["balance"], last["balance"]);
            }
            last
        });
        // Whatever becomes of this thread, the other one is told to end.
        let done = thread::Builder::new().spawn_scoped(scope, move || {
            for projection in ["account_summary", "account_statement"] {
                let rebuilt =
                    home.bank(&["projections", "rebuild", projection, "--format", "json"]);
                assert_eq!(rebuilt.json()["generation"]["state"], "serving");
                assert_eq!(states(home, projection), are(&[(1, "retained"), (2, "serving")]));
                let back = home.bank(&["projections", "rollback", projection]);
                assert_eq!(back.stdout, format!("{projection} generation 1 serves\n"));
                let forth = home.bank(&["projections", "switch", projection, "2"]);
                assert_eq!(forth.stdout, format!("{projection} generation 2 serves\n"));
                let refused = home.bank(&["projections", "retire", projection, "2"]);
                assert_eq!(refused.code, Some(3), "{refused:?}");
                let retired = home.bank(&["projections", "retire", projection, "1"]);
                assert_eq!(retired.code, Some(0), "{retired:?}");
                assert_eq!(states(home, projection), are(&[(2, "serving")]));
            }
        });
        let done = done.unwrap().join();
        is_over.store(true, Ordering::SeqCst);
        let last = writer.join().unwrap();
        done.unwrap();
        last
    });
    assert_read_models_are_the_accounts(&server, &["a", "b", "c", "d"], token(&last));
    let again = home.bank(&["projections", "rebuild", "account_summary"]);
    let position = position_of(token(&last));
    let expected = format!("account_summary generation 3 serves at position {position}\n");
    assert_eq!((again.code, again.stdout), (Some(0), expected));
}

fn a_killed_server_leaves_read_models_that_become_the_accounts(home: &Home) {
    let server = Server::start(home);
    let ids = crash::open_accounts(&server);
    crash::deposit_until_killed(&server, 300);
    drop(server);
    let server = Server::start(home);
    let last = server.post(&format!("/accounts/{}/deposits", ids[0]), r#"{"amount":1}"#).json(200);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_read_models_are_the_accounts(&server, &ids, token(&last));
}

fn without_a_server_a_command_brings_the_read_models_up_to_date(home: &Home) {
    let sample = home.bank(&["sample", "--accounts", "40", "--rows", "2000"]);
    home.write("rows.asc", &sample.stdout);
    let expected = Expected::of(&sample.stdout);
    let imported = home.bank(&["import", "rows.asc", "--format", "json"]).json();
    assert_eq!(imported["malformed"], 0);
    let total = home.bank(&["accounts", "total", "--format", "json"]).json();
    assert_eq!(total["balance"], expected.balances.values().sum::<i64>());
    assert_eq!(total["accounts"], expected.balances.len());
    assert_eq!(total["position"], home.head().get());
    let list = ["accounts", "list", "--limit", "1000", "--format", "json"];
    let listed = home.bank(&list).json();
    for account in listed["accounts"].as_array().unwrap() {
        assert_eq!(account["balance"], expected.balances[account["account_id"].as_str().unwrap()]);
    }
    assert_eq!(listed["accounts"].as_array().unwrap().len(), expected.balances.len());
    // Nobody works on them any more, and a query that asks for nothing newer needs nobody.
    let status = home.bank(&["projections", "status"]);
    assert!(status.stdout.contains("stopped"), "{}", status.stdout);
    let again = home.bank(&["accounts", "total", "--at-least", token(&total)]);
    assert_eq!(again.code, Some(0), "{again:?}");
}

fn a_command_that_waits_leaves_read_models_that_show_it(home: &Home) {
    let open = ["account", "open", "alice", "--owner-name", "A", "--wait", "--format", "json"];
    let opened = home.bank(&open).json();
    for projection in ["account_summary", "account_statement"] {
        let generations = generations(home, projection);
        assert_eq!(generations, [(1, "serving".to_owned(), 1)], "{projection}");
    }
    let summary = ["account", "summary", "alice", "--at-least", token(&opened), "--format", "json"];
    assert_eq!(home.bank(&summary).json()["balance"], 0);
    let deposit = ["account", "deposit", "alice", "2550", "--wait"];
    assert_eq!(home.bank(&deposit).code, Some(0));
    let statement = home.bank(&["account", "statement", "alice"]);
    assert!(statement.stdout.contains("25.50 CZK"), "{}", statement.stdout);
}

fn without_a_server_a_rebuild_is_done_by_whoever_asks(home: &Home) {
    let open = ["account", "open", "alice", "--owner-name", "A", "--wait"];
    assert_eq!(home.bank(&open).code, Some(0));
    let rebuilt = home.bank(&["projections", "rebuild", "account_summary"]);
    let expected = "account_summary generation 2 serves at position 1\n";
    assert_eq!((rebuilt.code, &*rebuilt.stdout), (Some(0), expected), "{rebuilt:?}");
    let deposit = ["account", "deposit", "alice", "1"];
    assert_eq!(home.bank(&deposit).code, Some(0));
    let back = home.bank(&["projections", "rollback", "account_summary"]);
    assert_eq!((back.code, &*back.stdout), (Some(0), "account_summary generation 1 serves\n"));
    let missing = home.bank(&["projections", "retire", "account_summary", "7"]);
    assert_eq!(missing.code, Some(4), "{missing:?}");
}

/// As if the code that built the generation that serves had been wrong.
fn spoil(home: &Home, generation: u32) {
    home.database().execute(&format!(
        "UPDATE account_summary_{generation}.account_query_model SET owner_name = 'B'"
    ));
}

#[test]
fn a_rebuild_that_differs_is_held_until_somebody_switches_or_retires() {
    let home = Home::on_postgres();
    let open = ["account", "open", "alice", "--owner-name", "A", "--wait"];
    assert_eq!(home.bank(&open).code, Some(0));
    let owner_name = || {
        let summary = ["account", "summary", "alice", "--format", "json"];
        home.bank(&summary).json()["owner_name"].clone()
    };
    let rebuild = || home.bank(&["projections", "rebuild", "account_summary"]);
    spoil(&home, 1);
    let held = rebuild();
    let says = "account_summary generation 2 differs from the generation that serves, and is held";
    assert!(held.code == Some(7) && held.stderr.contains(says), "{held:?}");
    assert_eq!(states(&home, "account_summary"), are(&[(1, "serving"), (2, "held")]));
    assert_eq!(owner_name(), "B", "queries are answered as before");
    // Nothing else is built while somebody has to decide.
    assert_eq!(rebuild().code, Some(3));

    let switched = home.bank(&["projections", "switch", "account_summary", "2"]);
    assert_eq!(switched.stdout, "account_summary generation 2 serves\n", "{switched:?}");
    assert_eq!(states(&home, "account_summary"), are(&[(1, "retained"), (2, "serving")]));
    assert_eq!(owner_name(), "A");

    spoil(&home, 2);
    assert_eq!(rebuild().code, Some(7));
    let retired = home.bank(&["projections", "retire", "account_summary", "3"]);
    assert_eq!(retired.code, Some(0), "{retired:?}");
    let kept = states(&home, "account_summary");
    assert!(kept.contains(&(2, "serving".to_owned())), "{kept:?}");
    assert!(kept.iter().all(|(number, _)| *number < 3), "{kept:?}");
    assert_eq!(owner_name(), "B");
}

#[test]
fn read_models_stay_where_they_are_told_to_be() {
    let home = Home::new();
    let open = ["account", "open", "alice", "--owner-name", "A", "--wait"];
    let open = [&open[..], &["--read-models", "elsewhere"]].concat();
    assert_eq!(home.bank(&open).code, Some(0));
    assert!(home.path("elsewhere/catalog.db").exists());
    assert!(!home.path("bank.db-read").exists());
}

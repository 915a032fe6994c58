//! What the read models answer over HTTP.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::reading::{position_of, token};
use crate::server::Server;

on_each_store! {
    active_accounts_come_newest_first_and_each_once,
    whoever_has_changed_an_account_reads_what_came_of_it,
    a_statement_runs_with_the_history,
    what_read_models_do_not_know_is_not_found,
}

fn open(server: &Server, id: &str, balance: i64) -> Value {
    let open = json!({"account_id": id, "owner_name": id, "initial_balance": balance});
    server.post("/accounts", &open.to_string()).json(201)
}

fn active_accounts_come_newest_first_and_each_once(home: &Home) {
    let server = Server::start(home);
    let ids: Vec<String> = (0..23).map(|number| format!("account-{number}")).collect();
    for id in &ids {
        open(&server, id, 0);
    }
    let closed = server.post("/accounts/account-11/close", "{}").json(200);
    let mut expected: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
    expected.retain(|id| *id != "account-11");
    for limit in [1, 5, 22, 1_000] {
        let path = format!("/accounts?limit={limit}");
        let listed = server.read_pages(&path, "accounts", token(&closed));
        let listed: Vec<&str> =
            listed.iter().map(|account| account["account_id"].as_str().unwrap()).collect();
        assert_eq!(listed, expected, "pages of {limit}");
    }
    let summary = server.read("/accounts/account-11/summary", token(&closed));
    assert_eq!(summary["is_active"], false);
}

/// Opens, pays in, takes out and closes at random; gives the answer if it was not refused.
fn act(server: &Server, random: &mut ChaCha8Rng) -> Option<Value> {
    let id = format!("a{}", random.random_range(0..6));
    let amount = random.random_range(1..200);
    let (path, body) = match random.random_range(0..10) {
        0..2 => {
            let open = json!({"account_id": id, "owner_name": id, "initial_balance": amount});
            ("/accounts".to_owned(), open)
        }
        2..6 => (format!("/accounts/{id}/deposits"), json!({"amount": amount})),
        6..8 => (format!("/accounts/{id}/withdrawals"), json!({"amount": amount})),
        8 => {
            let balance = server.get(&format!("/accounts/{id}"));
            let balance = (balance.status == 200).then(|| balance.json(200)["balance"].clone());
            (format!("/accounts/{id}/withdrawals"), json!({"amount": balance?}))
        }
        _ => (format!("/accounts/{id}/close"), json!({})),
    };
    let answer = server.post(&path, &body.to_string());
    (answer.status < 300).then(|| serde_json::from_str(&answer.body).unwrap())
}

fn whoever_has_changed_an_account_reads_what_came_of_it(home: &Home) {
    let server = Server::start(home);
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut done = 0;
    while done < 60 {
        let Some(answer) = act(&server, &mut random) else { continue };
        done += 1;
        let id = answer["account_id"].as_str().unwrap();
        let summary = server.read(&format!("/accounts/{id}/summary"), token(&answer));
        for field in ["account_id", "owner_name", "balance", "is_active", "currency"] {
            assert_eq!(summary[field], answer[field], "{field} after {answer}");
        }
        let accounts = (0..6).map(|number| server.get(&format!("/accounts/a{number}")));
        let accounts = accounts.filter(|account| account.status == 200);
        let active: Vec<i64> = accounts
            .map(|account| account.json(200))
            .filter(|account| account["is_active"] == true)
            .map(|account| account["balance"].as_i64().unwrap())
            .collect();
        let total = server.read("/total-balance", token(&answer));
        let expected = (json!(active.iter().sum::<i64>()), json!(active.len()));
        assert_eq!((total["balance"].clone(), total["accounts"].clone()), expected);
    }
}

#[test]
fn totals_beyond_sixty_four_bits_are_exact() {
    for home in [Home::new(), Home::on_postgres()] {
        let server = Server::start(&home);
        for number in 0..20 {
            open(&server, &format!("a{number}"), i64::MAX);
        }
        let last = open(&server, "last", 1);
        let total = server.read("/total-balance", token(&last));
        let expected = (i128::from(i64::MAX) * 20 + 1).to_string();
        assert_eq!((&total["balance"], &total["accounts"]), (&json!(expected), &json!(21)));
    }
}

fn a_statement_runs_with_the_history(home: &Home) {
    let server = Server::start(home);
    let mut last = open(&server, "alice", 1_000);
    open(&server, "alice-2", 5);
    // More than share one document.
    for number in 1..230 {
        let kind = if number % 3 == 0 { "withdrawals" } else { "deposits" };
        let amount = json!({"amount": number}).to_string();
        last = server.post(&format!("/accounts/alice/{kind}"), &amount).json(200);
    }
    let months = server.read_pages("/accounts/alice/statements?limit=1", "periods", token(&last));
    // The test may run while a month ends.
    assert!((1..=2).contains(&months.len()), "{months:?}");
    assert_eq!(months[0]["closing_balance"], last["balance"]);
    let mut entries = Vec::new();
    for month in months.iter().rev() {
        let path = format!("/accounts/alice/statements/{}", month["period"].as_str().unwrap());
        let by_page = server.read_pages(&format!("{path}?limit=37"), "entries", token(&last));
        let at_once = server.read(&format!("{path}?limit=1000"), token(&last));
        assert_eq!(at_once["entries"], json!(by_page));
        assert_eq!(
            (&at_once["entry_count"], &at_once["has_more"]),
            (&json!(by_page.len()), &json!(false))
        );
        entries.extend(by_page);
    }
    let history = server.get("/accounts/alice/history?limit=1000").json(200);
    let events = history["events"].as_array().unwrap();
    assert_eq!(entries.len(), events.len());
    let mut balance = 0;
    for (entry, event) in entries.iter().zip(events) {
        assert_eq!(entry["sequence"], event["sequence"]);
        assert_eq!(entry["at"], event["timestamp"]);
        let payload = &event["payload"];
        balance += match event["event_type"].as_str().unwrap() {
            "account_opened" => payload["initial_balance"].as_i64().unwrap(),
            "money_deposited" => payload["amount"].as_i64().unwrap(),
            "money_withdrawn" => -payload["amount"].as_i64().unwrap(),
            other => panic!("{other}"),
        };
        assert_eq!(entry["balance"], balance);
    }
    assert_eq!(balance, last["balance"]);
}

fn what_read_models_do_not_know_is_not_found(home: &Home) {
    let server = Server::start(home);
    let opened = open(&server, "alice", 1);
    for path in ["summary", "statements", "statements/2026-01"] {
        let unknown = server.get_at_least(&format!("/accounts/bob/{path}"), token(&opened));
        assert_eq!((unknown.status, &*unknown.code()), (404, "account_not_found"), "{path}");
        assert_eq!(unknown.problem()["position"], 1);
    }
    let elsewhen = server.get_at_least("/accounts/alice/statements/1999-01", token(&opened));
    assert_eq!((elsewhen.status, &*elsewhen.code()), (404, "period_not_found"));
}

#[test]
fn a_query_that_asks_for_more_than_there_is_hears_how_far_the_read_model_is() {
    let server = Server::start_on(&Home::new(), "memory:");
    let opened = open(&server, "alice", 1);
    let (log, _) = token(&opened).rsplit_once(':').unwrap();
    let behind = server.get_at_least("/accounts", &format!("{log}:5"));
    assert_eq!((behind.status, &*behind.code()), (503, "read_model_behind"));
    assert_eq!((behind.header("retry-after"), &behind.problem()["position"]), ("1", &json!(1)));
}

#[test]
fn a_token_of_another_log_is_refused() {
    let [one, other] = [(); 2].map(|()| Server::start_on(&Home::new(), "memory:"));
    let elsewhere = open(&other, "alice", 1);
    open(&one, "alice", 1);
    let refused = one.get_at_least("/total-balance", token(&elsewhere));
    assert_eq!((refused.status, &*refused.code()), (412, "token_of_another_log"));
}

#[test]
fn commands_name_their_token_in_the_header_too() {
    let server = Server::start_on(&Home::new(), "memory:");
    let open = r#"{"account_id":"a","owner_name":"A","initial_balance":0}"#;
    for (path, body, status) in [
        ("/accounts", open, 201),
        ("/accounts/a/deposits", r#"{"amount":1}"#, 200),
        ("/accounts/a/withdrawals", r#"{"amount":1}"#, 200),
        ("/accounts/a/close", "{}", 200),
    ] {
        let answer = server.post(path, body);
        let json = answer.json(status);
        assert_eq!(token(&json), answer.header("consistency-token"), "{path}");
        assert_eq!(json["position"], position_of(token(&json)));
    }
}

//! What only a log in a database can do, and what must not be shown of it.

use std::thread;

use serde_json::{Value, json};

use crate::home::{Finished, Home};
use crate::server::Server;

/// What is on each account at first.
const OPENING: i64 = 1_000;
const ACCOUNTS: [&str; 2] = ["a", "b"];
const CLIENTS: usize = 8;
const ROUNDS: usize = 25;

fn open(server: &Server, id: &str) {
    let open = json!({"account_id": id, "owner_name": "A", "initial_balance": OPENING});
    server.post("/accounts", &open.to_string()).json(201);
}

/// Pays in and takes out, and gives what each account must have more by that.
fn pay(client: usize, server: &Server) -> [i64; 2] {
    let mut change = [0; 2];
    for round in 0..ROUNDS {
        let account = (client / 2 + round) % 2;
        let path = format!("/accounts/{}", ACCOUNTS[account]);
        server.post(&format!("{path}/deposits"), r#"{"amount":5}"#).json(200);
        server.post(&format!("{path}/withdrawals"), r#"{"amount":2}"#).json(200);
        change[account] += 3;
    }
    change
}

fn sequences(history: &Value) -> Vec<u64> {
    let events = history["events"].as_array().unwrap();
    events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn two_servers_on_one_database_serve_the_same_accounts() {
    let home = Home::on_postgres();
    // At the same time: both find an empty database, and one of them makes the log.
    let servers: Vec<Server> = thread::scope(|scope| {
        let starting: Vec<_> = (0..2).map(|_| scope.spawn(|| Server::start(&home))).collect();
        starting.into_iter().map(|server| server.join().unwrap()).collect()
    });
    ACCOUNTS.iter().zip(&servers).for_each(|(id, server)| open(server, id));
    let changes: Vec<[i64; 2]> = thread::scope(|scope| {
        let pay = |client| pay(client, &servers[client % 2]);
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || pay(client))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut events = 0;
    for (account, id) in ACCOUNTS.iter().enumerate() {
        let expected = OPENING + changes.iter().map(|change| change[account]).sum::<i64>();
        let by_command = home.bank(&["account", "deposit", id, "1", "--format", "json"]).json();
        assert_eq!(by_command["balance"], expected + 1);
        for server in &servers {
            assert_eq!(server.get(&format!("/accounts/{id}")).json(200)["balance"], expected + 1);
            let history = server.get(&format!("/accounts/{id}/history?limit=1000")).json(200);
            let sequences = sequences(&history);
            assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
        }
        events += by_command["sequence"].as_u64().unwrap();
    }
    assert_eq!(events, 2 + 2 * (CLIENTS * ROUNDS) as u64 + 2);
    assert_eq!(home.head().get(), events);
}

#[test]
fn a_repeated_request_gets_the_first_answer_from_another_server() {
    let home = Home::on_postgres();
    let servers = [Server::start(&home), Server::start(&home)];
    open(&servers[0], "a");
    let deposit = |server: &Server| {
        let key = [("idempotency-key", "key-1")];
        server.post_with("/accounts/a/deposits", r#"{"amount":1}"#, &key).json(200)
    };
    let mut expected = deposit(&servers[0]);
    expected["repeated"] = json!(true);
    assert_eq!(deposit(&servers[1]), expected);
    assert_eq!(servers[0].get("/accounts/a").json(200)["balance"], OPENING + 1);
}

#[test]
fn looking_at_an_empty_database_makes_no_log() {
    let home = Home::on_postgres();
    for look in ["show", "history"] {
        let finished = home.bank(&["account", look, "alice"]);
        let way_out = "0, 1 is needed: run bank migrate with the URL of the owner";
        assert!(finished.error(6).ends_with(way_out), "{finished:?}");
    }
    assert!(!home.database().has_log());
}

#[test]
fn a_database_that_cannot_be_reached_is_one_line_without_credentials() {
    let home = Home::new();
    // Nothing listens on port 1.
    let url = "postgres://teller:hunter2@127.0.0.1:1/bank";
    for args in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["account", "open", "alice", "--owner-name", "A"],
        &["account", "show", "alice"],
        &["migrate"],
    ] {
        let finished = Finished::of(home.command(args).env("BANK_STORE", url));
        let error = finished.error(6);
        assert!(error.contains("cannot connect to 127.0.0.1:1/bank: "), "{error}");
        assert!(error.contains("postgres://127.0.0.1:1/bank: "), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("teller"), "{error}");
    }
}

#[test]
fn a_malformed_url_is_refused_without_repeating_it() {
    let home = Home::new();
    for (url, expected) in [
        ("postgres://teller:hunter2@db:port/bank", "the URL's port is not a number in its range"),
        ("postgress://teller:hunter2@db/bank", "there is no store \"postgress\", only "),
    ] {
        for args in [&["account", "show", "alice"][..], &["migrate"]] {
            let by_environment = Finished::of(home.command(args).env("BANK_STORE", url));
            let by_argument = home.bank(&[args, &["--store", url]].concat());
            for finished in [by_environment, by_argument] {
                assert_eq!((finished.code, &*finished.stdout), (Some(2), ""));
                assert!(finished.stderr.contains(expected), "{finished:?}");
                assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
            }
        }
    }
}

#[test]
fn not_even_a_trace_shows_the_password() {
    let home = Home::on_postgres();
    let database = home.database();
    let role = database.create_role("owner");
    database.execute(&format!(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); \
         END $$"
    ));
    let mut open = home.command(&["account", "open", "alice", "--owner-name", "A"]);
    open.env("BANK_STORE", database.url_of(&role)).env("RUST_LOG", "trace");
    let finished = Finished::of(&mut open);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("applied a migration"), "{finished:?}");
    assert!(!finished.stderr.contains(&database.password), "{finished:?}");
}

#[test]
fn the_greeting_says_where_the_log_is_and_not_who_logs_in() {
    let home = Home::on_postgres();
    let server = Server::start(&home);
    let log = server.greeting.iter().find_map(|line| line.strip_prefix("log          ")).unwrap();
    let (_, place) = log.split_once("://").unwrap();
    assert!(home.store().contains(place) && !log.contains('@'), "{log}");
}

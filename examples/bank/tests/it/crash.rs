//! Servers that are killed while they work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    what_was_acknowledged_survives_a_killed_server,
}

const CLIENTS: usize = 8;
const ACCOUNTS: usize = 3;

/// A deposit of 1 that can be repeated.
#[derive(Debug)]
pub(crate) struct Deposit {
    path: String,
    key: String,
}

impl Deposit {
    fn new(client: usize, number: usize) -> Self {
        let path = format!("/accounts/{}/deposits", (client + number) % ACCOUNTS);
        Self { path, key: format!("{client}-{number}") }
    }

    fn send(&self, server: &Server) -> Option<Value> {
        let headers = [("idempotency-key", &*self.key)];
        let answer = server.try_post_with(&self.path, r#"{"amount":1}"#, &headers);
        // Whoever is killed before it answers has not acknowledged anything.
        answer.ok().map(|answer| answer.json(200))
    }
}

/// Opens the accounts that are paid into, and gives their ids.
pub(crate) fn open_accounts(server: &Server) -> Vec<String> {
    let ids: Vec<String> = (0..ACCOUNTS).map(|id| id.to_string()).collect();
    for id in &ids {
        let open = json!({"account_id": id, "owner_name": "A", "initial_balance": 0});
        server.post("/accounts", &open.to_string()).json(201);
    }
    ids
}

/// Deposits until the server is gone, after having acknowledged about `enough`.
pub(crate) fn deposit_until_killed(
    server: &Server,
    enough: usize,
) -> Vec<(Deposit, Option<Value>)> {
    let sent = Mutex::new(Vec::new());
    let is_gone = AtomicBool::new(false);
    let (acknowledge, acknowledged) = mpsc::channel();
    thread::scope(|scope| {
        let (sent, is_gone) = (&sent, &is_gone);
        for client in 0..CLIENTS {
            let acknowledge = acknowledge.clone();
            scope.spawn(move || {
                for number in 0.. {
                    let deposit = Deposit::new(client, number);
                    let answer = deposit.send(server);
                    let has_ended = answer.is_none();
                    sent.lock().unwrap().push((deposit, answer));
                    if has_ended {
                        assert!(is_gone.load(Ordering::SeqCst), "the server ended by itself");
                        break;
                    }
                    acknowledge.send(()).unwrap_or_default();
                }
            });
        }
        // So that waiting ends if every client fails.
        drop(acknowledge);
        assert_eq!(acknowledged.iter().take(enough).count(), enough);
        is_gone.store(true, Ordering::SeqCst);
        server.signal("KILL");
    });
    sent.into_inner().unwrap()
}

fn what_was_acknowledged_survives_a_killed_server(home: &Home) {
    let server = Server::start(home);
    open_accounts(&server);
    let sent = deposit_until_killed(&server, 300);
    drop(server);

    let server = Server::start(home);
    for (deposit, first) in &sent {
        let repeated = deposit.send(&server).unwrap();
        if let Some(first) = first {
            let mut expected = first.clone();
            expected["repeated"] = json!(true);
            assert_eq!(repeated, expected, "{deposit:?}");
        }
    }
    for id in 0..ACCOUNTS {
        let path = format!("/accounts/{id}");
        let deposits = sent.iter().filter(|(it, _)| it.path == format!("{path}/deposits")).count();
        let account = server.get(&path).json(200);
        assert_eq!(account["balance"], deposits);
        assert_eq!(account["sequence"], deposits + 1);
    }
}

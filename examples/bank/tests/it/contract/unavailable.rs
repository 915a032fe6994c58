//! While the database is away, requests are told to come again, and then are answered as before.

use super::bad_input::some_path;
use super::description::Description;
use super::world::World;
use crate::client::Answer;
use crate::home::Home;
use crate::own_server;

/// What asks neither the log nor the read models, and what waits until something happens.
const UNAFFECTED: [&str; 3] = ["/admin/aggregates", "/events", "/livez"];

/// Most times that a request is sent until it is answered as before. Each takes a moment.
const TRIES_MAX: usize = 5_000;

#[test]
fn while_the_database_is_away_everybody_is_told_to_come_again() {
    let Some(cluster) = own_server::start() else { return };
    let home = Home::on_server(cluster.url());
    let world = World::new(&home);
    let description = Description::new(world.server.get("/openapi.json").json(200));
    let balance = world.ask("all", "GET", "/accounts/alice", "").json(200)["balance"].clone();
    cluster.stop("immediate").unwrap();
    let operations = description.operations();
    std::thread::scope(|scope| {
        for operation in &operations {
            let (world, description) = (&world, &description);
            scope.spawn(move || {
                let path = some_path(&operation.path);
                let answer = world.ask("all", &operation.method, &path, body(&path));
                if UNAFFECTED.contains(&&*path) {
                    assert_eq!(answer.status, 200, "{operation:?}: {answer:?}");
                } else {
                    assert_eq!(answer.status, 503, "{operation:?}: {answer:?}");
                    description.witness(&operation.method, &path, &answer).unwrap();
                }
            });
        }
    });
    cluster.start_again().unwrap();
    for path in ["/accounts/alice", "/accounts/alice/summary", "/total-balance", "/admin/log"] {
        let mut answers = (0..TRIES_MAX).map(|_| world.ask("all", "GET", path, ""));
        let is_well = |answer: &Answer| answer.status == 200;
        assert!(answers.any(|answer| is_well(&answer)), "{path} stays away");
    }
    let now = world.ask("all", "GET", "/accounts/alice", "").json(200);
    assert_eq!(now["balance"], balance);
}

/// What makes a command one that would be executed.
fn body(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("accounts") => r#"{"owner_name":"Erin","initial_balance":0}"#,
        Some("deposits" | "withdrawals") => r#"{"amount":1}"#,
        Some("transfers") => r#"{"from_account_id":"alice","to_account_id":"bob","amount":1}"#,
        Some("discard" | "retry" | "compensate" | "abandon") if path.contains("/sagas/") => {
            r#"{"why":"superstition"}"#
        }
        Some("discard") => r#"{"why":"superstition"}"#,
        _ => "",
    }
}

//! `bank keys`: from being created to being revoked.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::authentication::key;
use crate::each_store::on_each_store;
use crate::home::{Finished, Home};
use crate::server::Server;

on_each_store! {
    keys_are_created_listed_and_revoked,
    a_key_that_was_used_is_listed_with_the_time,
}

fn create(home: &Home, args: &[&str]) -> serde_json::Value {
    home.bank(&[&["keys", "create", "--format", "json"], args].concat()).json()
}

fn keys_are_created_listed_and_revoked(home: &Home) {
    let teller = create(home, &["alice", "--role", "teller", "--expires-in", "30"]);
    let key = teller["key"].as_str().unwrap();
    let id = teller["id"].as_str().unwrap();
    assert!(key.starts_with(&format!("annals_{id}_")), "{key}");
    create(home, &["ops", "--role", "operator", "--role", "teller"]);

    let revoked = home.bank(&["keys", "revoke", id, "--format", "json"]).json();
    assert_eq!((&revoked["id"], &revoked["done"]), (&teller["id"], &"is revoked".into()));
    assert_eq!(home.bank(&["keys", "revoke", id]).code, Some(0), "it stays revoked");

    let listed = home.bank(&["keys", "list", "--format", "json"]);
    assert!(!listed.stdout.contains(key.rsplit_once('_').unwrap().1), "{listed:?}");
    let listed = listed.json();
    assert_eq!(listed[0]["subject"], "alice");
    assert!(listed[0]["revoked_at"].is_string() && listed[0]["expires_at"].is_string());
    assert_eq!(listed[1]["roles"], serde_json::json!(["teller", "operator"]));
    assert_eq!(listed[1]["revoked_at"], serde_json::Value::Null);
    let text = home.bank(&["keys", "list"]).stdout;
    let words: Vec<Vec<&str>> =
        text.lines().map(|line| line.split("  ").map(str::trim).collect()).collect();
    assert!(words[1].contains(&"revoked") && words[2].contains(&"accepted"), "{text}");
}

/// When the key with this id was last used.
fn last_used(home: &Home, id: &str) -> Option<DateTime<Utc>> {
    let listed = home.bank(&["keys", "list", "--format", "json"]).json();
    let listed = listed.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
    serde_json::from_value(listed["last_used_at"].clone()).unwrap()
}

/// Sends a request with a key, and stops the service politely: what it knows is written down then.
fn use_up(mut server: Server, key: &str) {
    assert_eq!(server.get_with("/accounts/alice", key).status, 404);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

fn a_key_that_was_used_is_listed_with_the_time(home: &Home) {
    let ((used, secret), (unused, _)) = (key(home, "reader"), key(home, "teller"));
    assert_eq!(last_used(home, &used), None);
    let before = Utc::now().duration_trunc(TimeDelta::seconds(1)).unwrap();
    use_up(Server::start(home), &secret);
    let time = last_used(home, &used).unwrap();
    assert!((before..=Utc::now()).contains(&time), "{time}");
    assert_eq!(last_used(home, &unused), None);
    let text = home.bank(&["keys", "list"]).stdout;
    assert!(text.contains(&time.format("%Y-%m-%d %H:%M").to_string()), "{text}");
}

#[test]
fn of_two_servers_on_one_database_the_later_use_counts() {
    let home = Home::on_postgres();
    let keys = [key(&home, "reader"), key(&home, "teller")];
    // Both make the table, at the same moment.
    let servers = [Server::start(&home), Server::start(&home)];
    let before = Utc::now().duration_trunc(TimeDelta::seconds(1)).unwrap();
    std::thread::scope(|scope| {
        for (server, (_, secret)) in servers.into_iter().zip(&keys) {
            scope.spawn(move || use_up(server, secret));
        }
    });
    let times = keys.each_ref().map(|(id, _)| last_used(&home, id).unwrap());
    assert!(times.iter().all(|time| *time >= before), "{times:?}");

    // As if by a third one, on a machine whose clock is ahead.
    let ahead = times[0] + TimeDelta::hours(1);
    let update = format!("UPDATE bank_keys.last_used SET used_at = '{ahead}' WHERE key_id = ");
    home.database().execute(&format!("{update}'{}'", keys[0].0));
    let server = Server::start(&home);
    assert_eq!(server.get_with("/accounts/alice", &keys[0].1).status, 404);
    use_up(server, &keys[1].1);
    assert_eq!(last_used(&home, &keys[0].0), Some(ahead), "it never goes back");
    assert!(last_used(&home, &keys[1].0).unwrap() >= times[1]);
}

/// Whoever may only read may also clean up.
#[test]
fn the_reader_role_sees_the_last_use() {
    let home = Home::on_postgres();
    let database = home.database();
    let (application, reader) = (database.create_role("app"), database.create_role("reader"));
    let migrate = ["migrate", "--application-role", &application, "--reader-role", &reader];
    assert_eq!(home.bank(&migrate).code, Some(0));
    let (id, secret) = key(&home, "reader");
    let url = database.url_of(&application);
    use_up(Server::start_with(&home, &[("BANK_STORE", url)]), &secret);
    let mut list = home.command(&["keys", "list", "--format", "json"]);
    let listed = Finished::of(list.env("BANK_STORE", database.url_of(&reader))).json();
    assert!(listed[0]["last_used_at"].is_string(), "{id}: {listed}");
}

#[test]
fn a_key_is_shown_alone_on_standard_output() {
    let home = Home::new();
    let created = home.bank(&["keys", "create", "alice", "--role", "reader"]);
    assert_eq!((created.code, created.stdout.len()), (Some(0), 89), "{created:?}");
    assert!(created.stderr.contains("only time"), "{created:?}");
}

#[test]
fn keys_do_not_stand_in_the_log_of_a_file() {
    let home = Home::new();
    assert_eq!(home.bank(&["account", "open", "alice", "--owner-name", "Alice"]).code, Some(0));
    let head = home.head();
    create(&home, &["alice", "--role", "reader"]);
    assert_eq!(home.head(), head);
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let home = Home::new();
    let code = |args: &[&str]| home.bank(&[&["keys"], args].concat()).code;
    assert_eq!(code(&["create", "alice"]), Some(2));
    assert_eq!(code(&["create", "alice", "--role", "root"]), Some(2));
    assert_eq!(code(&["create", "", "--role", "reader"]), Some(2));
    assert_eq!(code(&["create", "alice", "--role", "reader", "--expires-in", "0"]), Some(2));
    assert_eq!(code(&["revoke", "0123"]), Some(2));
    let unknown = home.bank(&["keys", "revoke", "0123456789abcdef"]);
    assert_eq!(unknown.error(4), "there is no API key 0123456789abcdef");
    let nowhere = home.bank(&["keys", "list", "--store", "memory:"]);
    assert_eq!(nowhere.error(2), "memory: keeps no API keys, name a log that is kept");
}

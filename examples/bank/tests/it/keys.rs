//! `bank keys`: from being created to being revoked.

use crate::each_store::on_each_store;
use crate::home::Home;

on_each_store! {
    keys_are_created_listed_and_revoked,
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

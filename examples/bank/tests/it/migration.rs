//! `bank migrate`, and the roles it gives rights to.

use serde_json::json;

use crate::database::on;
use crate::home::{Finished, Home};

fn open_as(home: &Home, role: &str) -> Finished {
    let open = ["account", "open", "alice", "--owner-name", "A"];
    Finished::of(home.command(&open).env("BANK_STORE", home.database().url_of(role)))
}

#[test]
fn a_log_is_migrated_once() {
    let home = Home::on_postgres();
    let first = home.bank(&["migrate", "--format", "json"]).json();
    let log = json!({"number": 1, "name": "log"});
    let expected = json!({"applied": [log], "application_role": null, "reader_role": null});
    assert_eq!(first, expected);
    let second = home.bank(&["migrate"]);
    assert_eq!((second.code, &*second.stdout), (Some(0), ""));
    assert_eq!(second.stderr, "the schema was up to date\n");
    assert_eq!(home.head().get(), 0);
}

#[test]
fn each_role_may_do_what_it_is_for_and_no_more() {
    let home = Home::on_postgres();
    let database = home.database();
    let (application, reader) = (database.create_role("app"), database.create_role("reader"));
    let refused = open_as(&home, &application);
    assert!(refused.error(6).contains(": migration 1 failed: "), "{refused:?}");

    let migrate = ["migrate", "--application-role", &application, "--reader-role", &reader];
    let migrated = home.bank(&migrate);
    let expected = format!(
        "applied migration 1: log\n\
         {application} may append and read, and keep read models\n\
         {reader} may read\n"
    );
    assert_eq!((migrated.code, migrated.stdout), (Some(0), expected));

    assert_eq!(open_as(&home, &application).code, Some(0));
    let url = database.url_of(&application);
    let total = ["accounts", "total", "--format", "json"];
    let total = Finished::of(home.command(&total).env("BANK_STORE", url)).json();
    assert_eq!(total["accounts"], 1);
    let visible = "SELECT count(*) FROM information_schema.tables \
                   WHERE starts_with(table_schema, 'account_summary_')";
    let visible: i64 = on(&database.url_of(&reader), async |session| {
        session.query_one(visible, &[]).await.unwrap().get(0)
    });
    assert!(
        visible > 0,
        "the reader sees read models that were made after it was given its rights"
    );
    let as_reader = |args: &[&str]| {
        Finished::of(home.command(args).env("BANK_STORE", database.url_of(&reader)))
    };
    let shown = as_reader(&["account", "show", "alice", "--format", "json"]);
    assert_eq!((&shown.json()["owner_name"], &*shown.stderr), (&json!("A"), ""));
    let refused = as_reader(&["account", "deposit", "alice", "1"]);
    assert_eq!(refused.code, Some(6));
    assert!(refused.stderr.contains("permission denied"), "{refused:?}");
    assert_eq!(home.head().get(), 1);
}

#[test]
fn rights_for_roles_that_do_not_exist_are_refused() {
    let home = Home::on_postgres();
    let migrate = ["migrate", "--application-role", "nobody-1", "--reader-role", "nobody-2"];
    let refused = home.bank(&migrate);
    let expected = "the database refuses to grant rights: ";
    assert!(refused.error(6).contains(expected), "{refused:?}");
    assert!(refused.error(6).contains("\"nobody-1\" does not exist"), "{refused:?}");
}

#[test]
fn what_is_printed_for_review_is_what_is_applied() {
    let home = Home::on_postgres();
    // Nothing listens on port 1, so this would fail if it connected.
    let mut print = home.command(&["migrate", "--print"]);
    let printed = Finished::of(print.env("BANK_STORE", "postgres://127.0.0.1:1/bank"));
    assert_eq!((printed.code, &*printed.stderr), (Some(0), ""));
    home.database().execute(&printed.stdout);
    assert_eq!(home.bank(&["migrate", "--format", "json"]).json()["applied"], json!([]));
    let open = ["account", "open", "alice", "--owner-name", "A"];
    assert_eq!(home.bank(&open).code, Some(0));
}

#[test]
fn a_file_is_never_migrated() {
    let home = Home::new();
    let expected = "only a log at postgres://HOST/DATABASE is migrated, sqlite:bank.db is made as \
                    it has to be";
    assert_eq!(home.bank(&["migrate"]).error(2), expected);
    assert!(!home.path("bank.db").exists());
}

//! Imports that are killed.

use std::io::Write;
use std::process::Stdio;

use annals::Position;

use crate::each_store::on_each_store;
use crate::expected::{Expected, without_seconds};
use crate::home::Home;

on_each_store! {
    an_import_that_was_killed_halfway_continues,
}

/// Feeds `text` to an import and kills it once `events` of its events are in the log.
fn import_until(home: &Home, text: &str, events: u64) {
    let log = home.log();
    let before = log.head();
    let mut command = home.command(&["import", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    // The input stays open, so the import cannot end by itself.
    log.wait_past(before.plus(events - 1));
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    drop(input);
}

fn an_import_that_was_killed_halfway_continues(home: &Home) {
    // So that there is a log to watch.
    home.bank(&["account", "open", "watched", "--owner-name", "W", "--format", "json"]).json();
    let args = ["sample", "--accounts", "60", "--rows", "4000", "--output", "rows.asc"];
    assert_eq!(home.bank(&args).code, Some(0));
    let text = std::fs::read_to_string(home.path("rows.asc")).unwrap();
    let expected = Expected::of(&text);

    for (lines, events) in [(1_000, 1), (2_000, 400), (3_500, 1_000)] {
        let part: String = text.split_inclusive('\n').take(lines).collect();
        import_until(home, &part, events);
    }
    let last = home.bank(&["import", "rows.asc", "--format", "json"]).json();
    let (recorded, duplicates) = (last["recorded"].as_u64(), last["duplicates"].as_u64().unwrap());
    assert!(recorded > Some(0) && duplicates > 0, "{last}");
    assert_eq!(without_seconds(&last), expected.summary(duplicates));

    for (account, balance) in &expected.balances {
        let shown = home.bank(&["account", "show", account, "--format", "json"]).json();
        assert_eq!(shown["balance"], *balance, "account {account}");
    }
    let head = home.head();
    let again = home.bank(&["import", "rows.asc", "--format", "json"]).json();
    assert_eq!(again["recorded"], 0);
    // Each row is there once: opening the watched account, the rows, and the refusals.
    assert_eq!(head, Position::new(1 + expected.rows).unwrap());
    assert_eq!(home.head(), head);
}

//! The program without HTTP: answers, exit codes, errors.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::each_store::on_each_store;
use crate::home::Home;

on_each_store! {
    the_four_commands_change_an_account,
    a_command_id_makes_a_command_safe_to_repeat,
    an_account_is_shown_as_it_was,
    rejections_and_unknown_accounts_have_codes_of_their_own,
}

fn open_alice(home: &Home) {
    let open = ["account", "open", "alice", "--owner-name", "Alice", "--initial-balance", "10000"];
    assert_eq!(home.bank(&open).code, Some(0));
}

fn the_four_commands_change_an_account(home: &Home) {
    open_alice(home);
    let deposited = home.bank(&["account", "deposit", "alice", "2550", "--format", "json"]).json();
    assert_eq!(deposited["balance"], 12_550);
    assert_eq!(deposited["events"][0]["event_type"], "money_deposited");
    let withdrawn = home.bank(&["account", "withdraw", "alice", "12550", "--format", "json"]);
    assert_eq!(withdrawn.json()["balance"], 0);
    let closed = home.bank(&["account", "close", "alice", "--format", "json"]).json();
    assert_eq!((&closed["is_active"], &closed["sequence"]), (&json!(false), &json!(4)));
    assert_eq!(
        home.bank(&["account", "show", "alice"]).stdout,
        "account   alice\nowner     Alice\nbalance   0.00 CZK\nstatus    closed\nsequence  4\n"
    );
}

#[test]
fn an_account_without_an_id_gets_one() {
    let home = Home::new();
    let open = ["account", "open", "--owner-name", "Bob", "--format", "json"];
    let (first, second) = (home.bank(&open).json(), home.bank(&open).json());
    assert_eq!(first["account_id"].as_str().unwrap().len(), 36);
    assert_ne!(first["account_id"], second["account_id"]);
}

fn a_command_id_makes_a_command_safe_to_repeat(home: &Home) {
    open_alice(home);
    let id = "5f0c6a52-0a8f-4bb4-9d5e-0d1a34f1f6f1";
    let deposit = ["account", "deposit", "alice", "1", "--command-id", id, "--format", "json"];
    let (first, second) = (home.bank(&deposit).json(), home.bank(&deposit).json());
    assert_eq!((&first["repeated"], &second["repeated"]), (&json!(false), &json!(true)));
    for same in ["balance", "sequence", "position", "command_id", "events"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    let other = home.bank(&["account", "deposit", "alice", "2", "--command-id", id]);
    assert_eq!(other.error(3), "the command id was used for another command");

    let open = ["account", "open", "--owner-name", "Bob", "--format", "json"];
    let open = [&open[..], &["--command-id", "5f0c6a52-0a8f-4bb4-9d5e-0d1a34f1f6f2"]].concat();
    let (first, second) = (home.bank(&open).json(), home.bank(&open).json());
    assert_eq!(first["account_id"], second["account_id"]);
    assert_eq!(second["repeated"], true);
}

fn an_account_is_shown_as_it_was(home: &Home) {
    open_alice(home);
    home.bank(&["account", "deposit", "alice", "1"]);
    let show = |args: &[&str]| {
        let args = [&["account", "show", "alice", "--format", "json"], args].concat();
        home.bank(&args)
    };
    assert_eq!(show(&["--at-sequence", "1"]).json()["balance"], 10_000);
    assert_eq!(show(&["--at-sequence", "2"]).json()["balance"], 10_001);
    assert_eq!(show(&["--at", "2999-01-01T00:00:00+02:00"]).json()["balance"], 10_001);
    let not_yet = "the account had not been opened by then";
    assert_eq!(show(&["--at", "1999-01-01T00:00:00Z"]).error(4), not_yet);
    assert_eq!(show(&["--at-sequence", "0"]).error(4), not_yet);
    let ahead = "the account is at sequence 2, 3 was asked for";
    assert_eq!(show(&["--at-sequence", "3"]).error(4), ahead);
}

fn rejections_and_unknown_accounts_have_codes_of_their_own(home: &Home) {
    open_alice(home);
    let head = home.head();
    for (args, code, expected) in [
        (&["deposit", "alice", "0"][..], 3, "an amount must be more than zero, but it is 0.00"),
        (&["deposit", "alice", "-5"], 3, "an amount must be more than zero, but it is -0.05"),
        (
            &["deposit", "alice", "9223372036854775807"],
            3,
            "a balance of 100.00 and 92233720368547758.07 more is too much to be counted",
        ),
        (&["withdraw", "alice", "10001"], 3, "the balance is 100.00, which does not cover 100.01"),
        (&["close", "alice"], 3, "the balance must be zero, but it is 100.00"),
        (&["open", "alice", "--owner-name", "A"], 3, "the account has already been opened"),
        (
            &["open", "bob", "--owner-name", "B", "--initial-balance", "-1"],
            3,
            "an initial balance must not be negative, but it is -0.01",
        ),
        (&["deposit", "bob", "1"], 4, "the account does not exist"),
        (&["show", "bob"], 4, "the account does not exist"),
        (&["history", "bob"], 4, "the account does not exist"),
    ] {
        let args = [&["account"], args].concat();
        assert_eq!(home.bank(&args).error(code), expected, "{args:?}");
    }
    assert_eq!(home.head(), head);
}

#[test]
fn a_wrong_command_line_changes_nothing_and_makes_no_log() {
    let home = Home::new();
    let long = "x".repeat(201);
    for args in [
        &["account", "deposit", "alice", "1.5"][..],
        &["account", "deposit", "alice", "9223372036854775808"],
        &["account", "deposit", "alice", "ten"],
        &["account", "deposit", "al ice", "1"],
        &["account", "deposit", "", "1"],
        &["account", "deposit", "alice"],
        &["account", "deposit", "alice", "1", "--command-id", "1"],
        &["account", "open", "a", "--owner-name", ""],
        &["account", "open", "a", "--owner-name", "a\nb"],
        &["account", "open", "a", "--owner-name", &long],
        &["account", "show", "alice", "--at-sequence", "-1"],
        &["account", "show", "alice", "--at-sequence", "9223372036854775808"],
        &["account", "show", "alice", "--at", "yesterday"],
        &["account", "show", "alice", "--at-sequence", "1", "--at", "2026-01-01T00:00:00Z"],
        &["account", "show", "alice", "--store", "mysql://localhost/bank"],
        &["account", "show", "alice", "--store", "postgres://localhost:port/bank"],
        &["migrate"],
        &["migrate", "--store", "memory:"],
        &["migrate", "--store", "postgres://localhost/bank", "--application-role", "bank"],
        &["serve", "--listen", "localhost"],
        &["serve", "--listen", "0.0.0.0:0", "--store", "memory:"],
        &["sample", "--accounts", "0"],
        &["sample", "--accounts", "2", "--rows", "1"],
        &["fly"],
    ] {
        let finished = home.bank(args);
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        assert!(finished.stderr.starts_with("error: "), "{args:?}: {finished:?}");
        assert_eq!(finished.stdout, "");
    }
    assert!(!home.path("bank.db").exists());
}

#[test]
fn looking_makes_no_log() {
    let home = Home::new();
    for look in ["show", "history"] {
        let finished = home.bank(&["account", look, "alice"]);
        assert!(finished.error(6).starts_with("cannot open sqlite:bank.db: "), "{finished:?}");
    }
    assert!(!home.path("bank.db").exists());
}

#[test]
fn a_file_that_is_no_log_is_left_alone() {
    let home = Home::new();
    home.write("bank.db", "Dear diary, ");
    let finished = home.bank(&["account", "deposit", "alice", "1"]);
    assert!(finished.error(6).ends_with("is not an Annals log"), "{finished:?}");
    assert_eq!(std::fs::read(home.path("bank.db")).unwrap(), b"Dear diary, ");
}

#[test]
fn the_store_is_chosen_on_the_command_line_or_by_the_environment() {
    let home = Home::new();
    let open = ["account", "open", "a", "--owner-name", "A"];
    let by_environment = home.command(&open).env("BANK_STORE", "sqlite:one.db").output().unwrap();
    assert!(by_environment.status.success());
    assert!(home.path("one.db").exists());
    let args = [&open[..], &["--store", "sqlite:two.db"]].concat();
    let both = home.command(&args).env("BANK_STORE", "sqlite:one.db").output().unwrap();
    assert!(both.status.success());
    assert!(home.path("two.db").exists());
    assert_eq!(home.bank(&[&["--store", "memory:"], &open[..]].concat()).code, Some(0));
    assert!(!home.path("bank.db").exists());
}

#[test]
fn an_answer_that_nobody_reads_is_no_error() {
    let home = Home::new();
    let mut sample = home.command(&["sample", "--rows", "200000"]);
    let mut child = sample.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

#[test]
fn there_is_a_completion_script_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.bank(&["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains("deposit"), "{shell}");
    }
}

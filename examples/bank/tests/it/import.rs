//! Replaying files of transactions.

use std::io::Write;
use std::process::Stdio;

use bank::import::HEADER;
use serde_json::json;

use crate::each_store::on_each_store;
use crate::expected::{Expected, without_seconds};
use crate::home::{Finished, Home};

on_each_store! {
    a_refused_row_stays_refused_when_the_balance_would_allow_it_later,
    events_of_an_import_say_where_they_come_from,
    a_file_is_imported_once_however_often,
    one_account_alone_is_imported_in_order,
}

const IMPORT: &[&str] = &["import", "rows.asc", "--format", "json"];

fn write_rows(home: &Home, lines: &[&str]) {
    home.write("rows.asc", [&[HEADER], lines, &[""]].concat().join("\r\n"));
}

fn home_with(lines: &[&str]) -> Home {
    let home = Home::new();
    write_rows(&home, lines);
    home
}

fn sample(home: &Home, args: &[&str]) -> String {
    let args = [&["sample", "--output", "rows.asc"], args].concat();
    assert_eq!(home.bank(&args).code, Some(0));
    std::fs::read_to_string(home.path("rows.asc")).unwrap()
}

fn balance(home: &Home, account: &str) -> i64 {
    let shown = home.bank(&["account", "show", account, "--format", "json"]).json();
    shown["balance"].as_i64().unwrap()
}

/// The lines of standard error that are about a line of the file.
fn reported(finished: &Finished) -> Vec<&str> {
    finished.stderr.lines().filter(|line| line.starts_with("rows.asc:")).collect()
}

fn a_file_is_imported_once_however_often(home: &Home) {
    let expected = Expected::of(&sample(home, &["--accounts", "50", "--rows", "3000"]));
    assert!(expected.rejected > 0, "the sample has no overdraft: {expected:?}");

    let first = home.bank(IMPORT);
    assert_eq!(without_seconds(&first.json()), expected.summary(0));
    assert!(!first.stderr.contains("nothing new"));
    let head = home.head();

    let second = home.bank(IMPORT);
    let duplicates = expected.rows - expected.rejected;
    assert_eq!(without_seconds(&second.json()), expected.summary(duplicates));
    assert!(second.stderr.contains("nothing new: "), "{}", second.stderr);
    assert_eq!(home.head(), head);
    for (account, expected) in &expected.balances {
        assert_eq!(balance(home, account), *expected, "{account}");
    }
}

fn one_account_alone_is_imported_in_order(home: &Home) {
    let expected = Expected::of(&sample(home, &["--accounts", "1", "--rows", "2000"]));
    assert_eq!(without_seconds(&home.bank(IMPORT).json()), expected.summary(0));
    let duplicates = expected.rows - expected.rejected;
    assert_eq!(without_seconds(&home.bank(IMPORT).json()), expected.summary(duplicates));
}

fn a_refused_row_stays_refused_when_the_balance_would_allow_it_later(home: &Home) {
    let rows = [
        "1;7;930101;PRIJEM;VKLAD;10.00;;;;",
        "2;7;930102;VYDAJ;VYBER;10.01;;;;",
        "3;7;930103;PRIJEM;VKLAD;5.00;;;;",
    ];
    write_rows(home, &rows);
    let first = home.bank(IMPORT);
    assert_eq!(first.json()["rejected"], 1);
    let reason = "insufficient_funds: the balance is 10.00, which does not cover 10.01";
    assert_eq!(reported(&first), [format!("rows.asc:3: rejected: {reason}")]);
    assert_eq!(home.bank(&["account", "deposit", "7", "100000"]).code, Some(0));
    let head = home.head();

    let second = home.bank(IMPORT);
    let summary = second.json();
    assert_eq!((&summary["recorded"], &summary["rejected"]), (&json!(0), &json!(1)));
    let reason = "insufficient_funds (by an earlier import)";
    assert_eq!(reported(&second), [format!("rows.asc:3: rejected: {reason}")]);
    assert_eq!((balance(home, "7"), home.head()), (101_500, head));
}

#[test]
fn the_first_row_of_an_account_that_exists_already_is_a_deposit() {
    let home = home_with(&["1;7;930101;PRIJEM;VKLAD;10.00;;;;"]);
    let open = ["account", "open", "7", "--owner-name", "Seven", "--initial-balance", "1"];
    assert_eq!(home.bank(&open).code, Some(0));
    assert_eq!(home.bank(IMPORT).json()["recorded"], 1);
    assert_eq!(balance(&home, "7"), 1_001);
    assert_eq!(home.bank(IMPORT).json()["duplicates"], 1);
}

#[test]
fn a_debit_does_not_open_an_account() {
    let home = home_with(&[
        "1;7;930101;VYDAJ;VYBER;10.00;;;;",
        "2;7;930102;PRIJEM;VKLAD;10.00;;;;",
        "3;8;930102;VYDAJ;VYBER;10.00;;;;",
    ]);
    let expected = |recorded: u64| {
        json!({
            "accounts": 2, "rows": 3, "recorded": recorded, "duplicates": 1 - recorded,
            "rejected": 2, "malformed": 0, "total_balance_minor": 1_000,
        })
    };
    let first = home.bank(IMPORT);
    assert_eq!(without_seconds(&first.json()), expected(1));
    let reason = "account_not_found: the account does not exist";
    assert!(reported(&first).contains(&&*format!("rows.asc:2: rejected: {reason}")));
    assert_eq!(without_seconds(&home.bank(IMPORT).json()), expected(0));
}

#[test]
fn a_row_that_stands_twice_in_a_file_counts_once() {
    let row = "1;7;930101;PRIJEM;VKLAD;10.00;;;;";
    let home = home_with(&[row, row, "2;7;930101;PRIJEM;VKLAD;10.00;;;;"]);
    let summary = home.bank(IMPORT).json();
    assert_eq!((&summary["recorded"], &summary["duplicates"]), (&json!(2), &json!(1)));
    assert_eq!(balance(&home, "7"), 2_000);
}

#[test]
fn malformed_lines_are_reported_and_the_rest_is_imported() {
    let long = "9".repeat(5_000);
    let home = home_with(&[
        "1;7;930101;PRIJEM;VKLAD;10.00;;;;",
        "two;7;930101;PRIJEM;VKLAD;10.00;;;;",
        "3;7;930230;PRIJEM;VKLAD;10.00;;;;",
        "4;7;930101;PRIJEM;VKLAD;10.001;;;;",
        "5;7;930101;\"PRIJEM;VKLAD;10.00;;;;",
        "6;7;930101;PRIJEM",
        &long,
        "\u{1b}[31m;7;930101;PRIJEM;VKLAD;10.00;;;;",
        "",
        "7;7;930101;PRIJEM;VKLAD;10.00;;;;",
    ]);
    let finished = home.bank(IMPORT);
    assert_eq!(finished.code, Some(5));
    assert_eq!(
        reported(&finished),
        [
            "rows.asc:3: malformed: trans_id is not a number",
            "rows.asc:4: malformed: date is not a day written YYMMDD",
            "rows.asc:5: malformed: amount is not an amount such as 700 or 700.00",
            "rows.asc:6: malformed: a quote is not closed",
            "rows.asc:7: malformed: the line has 4 fields instead of 10",
            "rows.asc:8: malformed: the line has more than 4096 bytes",
            "rows.asc:9: malformed: trans_id is not a number",
        ]
    );
    let summary: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&summary["recorded"], &summary["malformed"]), (&json!(2), &json!(7)));
    assert_eq!(summary["rows"], 9);
    assert_eq!(balance(&home, "7"), 2_000);
}

#[test]
fn of_very_many_malformed_lines_the_first_ones_are_reported_and_all_are_counted() {
    let home = home_with(&["x"; 1_234]);
    let finished = home.bank(IMPORT);
    let reported = reported(&finished);
    assert_eq!(reported.len(), 101);
    assert_eq!(reported[99], "rows.asc:101: malformed: the line has 1 fields instead of 10");
    assert_eq!(reported[100], "rows.asc: 1134 more lines were malformed");
    assert!(finished.stdout.contains("\"malformed\":1234"), "{}", finished.stdout);
}

#[test]
fn what_is_no_file_of_transactions_is_one_line_and_makes_no_log() {
    let home = Home::new();
    home.write("empty.asc", "");
    home.write("other.asc", "a;b;c\r\n1;2;3\r\n");
    std::fs::create_dir(home.path("folder")).unwrap();
    for (file, expected) in [
        ("missing.asc", "missing.asc: the file cannot be read: "),
        ("folder", "folder: the file cannot be read: "),
        ("empty.asc", "empty.asc: the file does not begin with the line trans_id;"),
        ("other.asc", "other.asc: the file does not begin with the line trans_id;"),
    ] {
        let finished = home.bank(&["import", file]);
        assert!(finished.error(5).starts_with(expected), "{finished:?}");
    }
    assert!(!home.path("bank.db").exists());
}

#[test]
fn a_file_without_rows_is_imported_in_no_time() {
    let home = home_with(&[]);
    let summary = home.bank(IMPORT).json();
    assert_eq!((&summary["rows"], &summary["accounts"]), (&json!(0), &json!(0)));
}

#[test]
fn a_file_can_come_from_standard_input() {
    let home = Home::new();
    let text = home.bank(&["sample", "--rows", "500"]).stdout;
    let mut import = home.command(&["import", "-", "--format", "json"]);
    import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = import.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let summary = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(without_seconds(&summary), Expected::of(&text).summary(0));
}

#[test]
fn people_get_the_same_figures() {
    let home = home_with(&["1;7;930101;PRIJEM;VKLAD;10.00;;;;", "x"]);
    let finished = home.bank(&["import", "rows.asc"]);
    let figures: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(
        figures[..7],
        [
            "accounts                      1",
            "rows                          2",
            "  recorded                    1",
            "  duplicates                  0",
            "  rejected                    0",
            "  malformed                   1",
            "total balance             10.00 CZK",
        ]
    );
}

fn events_of_an_import_say_where_they_come_from(home: &Home) {
    let rows = ["4711;7;930105;PRIJEM;VKLAD;10.00;;;;", "4712;7;930106;PRIJEM;VKLAD;10.00;;;;"];
    write_rows(home, &rows);
    home.bank(IMPORT).json();
    let events = home.bank(&["account", "history", "7", "--format", "json"]).json();
    let headers = &events[0]["metadata"]["headers"];
    let expected = json!({"trans_id": "4711", "date": "1993-01-05", "import_line": "2"});
    assert_eq!(*headers, expected);
    let correlation = |index: usize| events[index]["metadata"]["correlation_id"].clone();
    assert_eq!(correlation(0), correlation(1));
}

#[test]
fn an_import_waits_for_no_other_writer() {
    let home = home_with(&["1;7;930101;PRIJEM;VKLAD;10.00;;;;"]);
    let server = crate::server::Server::start(&home);
    let finished = home.bank(IMPORT);
    assert!(finished.error(6).contains("is held for writing by process"), "{finished:?}");
    assert_eq!(server.get("/accounts/7").status, 404);
}

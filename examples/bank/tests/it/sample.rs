//! Files of transactions that are made up.

use std::collections::BTreeSet;

use crate::expected::Expected;
use crate::home::Home;

fn sample(args: &[&str]) -> String {
    let finished = Home::new().bank(&[&["sample"], args].concat());
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    finished.stdout
}

#[test]
fn the_same_options_make_the_same_file() {
    let first = sample(&["--seed", "7"]);
    assert_eq!(sample(&["--seed", "7"]), first);
    assert_ne!(sample(&["--seed", "8"]), first);
}

#[test]
fn a_sample_has_as_many_accounts_and_rows_as_asked_for() {
    for (accounts, rows) in [(1, 1), (1, 50), (40, 40), (40, 41), (100, 2_500)] {
        let args = ["--accounts", &accounts.to_string(), "--rows", &rows.to_string()];
        let expected = Expected::of(&sample(&args));
        assert_eq!((expected.balances.len(), expected.rows), (accounts, rows));
    }
}

#[test]
fn a_sample_looks_like_the_real_data() {
    let text = sample(&[]);
    let header = "\"trans_id\";\"account_id\";\"date\";\"type\";\"operation\";\"amount\";\
                  \"balance\";\"k_symbol\";\"bank\";\"account\"\r\n";
    assert!(text.starts_with(header) && text.lines().count() == 2_501);
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
    let (mut seen, mut days) = (BTreeSet::new(), Vec::new());
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(';').collect();
        let is_first = seen.insert(fields[1]);
        assert!(!is_first || fields[3] == "\"PRIJEM\"", "{line}");
        days.push(fields[2]);
    }
    assert!(days.is_sorted());
    assert_eq!((days[0], days[2_499]), ("930101", "931231"));
    let rejected = Expected::of(&text).rejected;
    assert!((1..50).contains(&rejected), "{rejected} overdrafts");
}

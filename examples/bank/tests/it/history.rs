//! What happened to an account, on the command line and over HTTP.

use serde_json::Value;

use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_history_is_printed_whole_however_long,
    a_history_ends_at_the_moment_asked_for,
    a_line_of_a_history_says_what_happened,
    the_pages_of_a_history_lead_from_one_to_the_next,
}

/// Gives account 1 `events` events.
fn record(home: &Home, events: usize) {
    let mut rows = vec![format!("1;1;930101;PRIJEM;VKLAD;100.00;;;;")];
    rows.extend((2..=events).map(|n| format!("{n};1;930102;PRIJEM;VKLAD;1.00;;;;")));
    home.write("rows.asc", [bank::import::HEADER, &rows.join("\n"), ""].join("\n"));
    assert_eq!(home.bank(&["import", "rows.asc"]).code, Some(0));
}

fn sequences(events: &Value) -> Vec<u64> {
    let sequence = |event: &Value| event["sequence"].as_u64().unwrap();
    events.as_array().unwrap().iter().map(sequence).collect()
}

fn a_history_is_printed_whole_however_long(home: &Home) {
    record(home, 2_345);
    let printed = home.bank(&["account", "history", "1", "--format", "json"]).json();
    assert_eq!(sequences(&printed), (1..=2_345).collect::<Vec<_>>());
    assert_eq!(home.bank(&["account", "history", "1"]).stdout.lines().count(), 2_345);
}

fn a_history_ends_at_the_moment_asked_for(home: &Home) {
    record(home, 1_100);
    let history = |args: &[&str]| {
        let args = [&["account", "history", "1", "--format", "json"], args].concat();
        home.bank(&args).json()
    };
    assert_eq!(sequences(&history(&["--at-sequence", "1050"])), (1..=1_050).collect::<Vec<_>>());
    let all = history(&[]);
    let time = all[3]["timestamp"].as_str().unwrap();
    let until = all.as_array().unwrap().iter().filter(|it| it["timestamp"].as_str() <= Some(time));
    assert_eq!(sequences(&history(&["--at", time])).len(), until.count());
}

fn a_line_of_a_history_says_what_happened(home: &Home) {
    record(home, 2);
    let printed = home.bank(&["account", "history", "1"]).stdout;
    let line = printed.lines().nth(1).unwrap();
    assert!(line.starts_with("     2  "), "{line}");
    assert!(line.contains("  money_deposited  {\"amount\":100,"), "{line}");
}

fn the_pages_of_a_history_lead_from_one_to_the_next(home: &Home) {
    record(home, 25);
    let server = Server::start(home);
    let mut address = "/accounts/1/history?limit=10".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = server.get(&address).json(200);
        seen.push(sequences(&page["events"]).len());
        assert_eq!(page["has_more"], page["next"].is_string());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut address),
            None => break,
        }
    }
    assert_eq!(seen, [10, 10, 5]);
    let rest = server.get("/accounts/1/history?after=24").json(200);
    assert_eq!(sequences(&rest["events"]), [25]);
    let beyond = server.get("/accounts/1/history?after=25").json(200);
    assert_eq!((sequences(&beyond["events"]), &beyond["next"]), (vec![], &Value::Null));
    assert_eq!(server.get("/accounts/1/history").json(200)["has_more"], false);
}

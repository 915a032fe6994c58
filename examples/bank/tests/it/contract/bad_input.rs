//! Requests that are not as they must be, from everybody: a table of them and of what must come of
//! each. None of them may change anything.

use std::fmt::Write as _;

use super::description::{Description, Operation};
use super::row::{Plain, Request, Row, rows};
use super::world::{NOBODY, TRANSFER, World};
use crate::each_store::on_each_store;
use crate::home::Home;

on_each_store! {
    nothing_that_is_refused_changes_anything,
}

const TABLE: &str = include_str!("bad_input.txt");

/// Stands for a connection that is closed without an answer.
const CLOSED: u16 = 0;

/// Fewest rows; the table may grow.
const ROWS_MIN: usize = 200;

fn nothing_that_is_refused_changes_anything(home: &Home) {
    let world = World::new(home);
    let description = Description::new(world.server.get("/openapi.json").json(200));
    let rows = rows(TABLE);
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    let rows: Vec<Row> = rows.into_iter().flat_map(|row| spread(row, &description)).collect();
    let head = home.head();
    let (slow, quick): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| [408, CLOSED].contains(&row.status));
    let wrong = std::thread::scope(|scope| {
        let check = |row| check(row, &world, &description);
        let slow: Vec<_> = slow.into_iter().map(|row| scope.spawn(move || check(row))).collect();
        let mut wrong: Vec<_> = quick.into_iter().filter_map(|row| check(row).err()).collect();
        wrong.extend(slow.into_iter().filter_map(|row| row.join().unwrap().err()));
        wrong
    });
    assert_eq!(home.head(), head, "something was written");
    let mut report = String::new();
    wrong.iter().for_each(|why| writeln!(report, "{why}").unwrap());
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{report}", wrong.len(), rows.len());
    world.ask("all", "GET", "/accounts/alice", "").json(200);
}

/// Whether what comes of a request is what must.
fn check(row: &Row, world: &World, description: &Description) -> Result<(), String> {
    let told = |why: String| format!("line {}: {:?}: {why}", row.line, row.request);
    let Some(answer) = world.send(&row.request) else {
        return if row.status == CLOSED { Ok(()) } else { Err(told("no answer".to_owned())) };
    };
    if answer.status != row.status {
        return Err(told(format!("{} {}", answer.status, answer.body)));
    }
    if let Some(expected) = &row.code
        && answer.code() != *expected
    {
        return Err(told(answer.body));
    }
    match &row.request {
        Request::Plain(Plain { method, path, .. }) => {
            description.witness(method, path, &answer).map(drop).map_err(told)
        }
        Request::Raw(_) => Ok(()),
    }
}

/// The row for each operation of a group, if it names one.
fn spread(row: Row, description: &Description) -> Vec<Row> {
    let Request::Plain(plain) = &row.request else { return vec![row] };
    let is_meant = |it: &Operation| match &*plain.path {
        "*" => true,
        "*reads" => it.is_read() && !it.is_for_operators(),
        "*commands" => !it.is_read() && !it.is_for_operators(),
        "*admin" => it.is_for_operators(),
        _ => panic!("line {}: which operations?", row.line),
    };
    if !plain.path.starts_with('*') {
        return vec![row];
    }
    let meant = description.guarded().into_iter().filter(is_meant);
    let for_each = |operation: Operation| {
        let path = some_path(&operation.path);
        let request = Request::Plain(Plain { method: operation.method, path, ..plain.clone() });
        Row { request, ..row.clone() }
    };
    meant.map(for_each).collect()
}

/// A path of a pattern, of something that exists where there is such a thing.
pub(super) fn some_path(pattern: &str) -> String {
    let is_about = |what: &str| pattern.starts_with(what);
    let part = |part: &str| match part {
        "{id}" if is_about("/accounts") => "alice".to_owned(),
        "{id}" if is_about("/transfers") => TRANSFER.to_owned(),
        "{id}" => NOBODY.to_owned(),
        "{period}" => "2026-01".to_owned(),
        "{projection}" => "account_summary".to_owned(),
        "{saga}" => "transfer_saga".to_owned(),
        "{aggregate_type}" => "account".to_owned(),
        "{aggregate_id}" => "alice".to_owned(),
        part if part.starts_with('{') => "1".to_owned(),
        part => part.to_owned(),
    };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

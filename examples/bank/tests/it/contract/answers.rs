//! Every answer that is described can happen, and no other does.

use std::collections::BTreeSet;

use super::bad_input::some_path;
use super::description::{Description, Operation};
use super::row::{Plain, Request, rows};
use super::wire;
use super::world::World;
use crate::client::Answer;
use crate::home::Home;
use crate::server::Server;

/// In this order, each must be answered with the status it begins with, or be repeated until it is.
const TABLE: &str = include_str!("answers.txt");

/// Most times that a request is sent until its answer is the one that is waited for. Each takes a
/// moment, so this ends, and fails, if it never comes.
const TRIES_MAX: usize = 1_000;

/// What is described and cannot be made to happen here, and where it is seen.
const ELSEWHERE: [(&str, &str, u16, &str); 7] = [
    ("*", "*", 503, "when the database is away: unavailable.rs"),
    ("GET", "/admin/aggregates", 503, "it asks nothing; when too many requests are under way"),
    ("POST", "/admin/projections/{projection}/rollback", 409, GENERATIONS),
    ("POST", "/admin/projections/{projection}/generations/{number}/switch", 409, GENERATIONS),
    ("POST", "/admin/sagas/{saga}/{id}/retry", 202, OPERATORS),
    ("POST", "/admin/sagas/{saga}/{id}/compensate", 202, OPERATORS),
    ("POST", "/admin/sagas/{saga}/{id}/abandon", 200, OPERATORS),
];

/// Where generations are that do not get on, or are not complete: of `annals-http`.
const GENERATIONS: &str = "generations.rs";

/// Where sagas are brought to a standstill, which operators then end.
const OPERATORS: &str = "transfers/by_operators_over_http.rs";

/// What was seen.
struct Witness<'a> {
    description: &'a Description,
    seen: BTreeSet<(Operation, u16)>,
    wrong: Vec<String>,
}

impl Witness<'_> {
    fn take(&mut self, method: &str, path: &str, answer: &Answer) {
        match self.description.witness(method, path, answer) {
            Ok(Some(operation)) => drop(self.seen.insert((operation, answer.status))),
            Ok(None) => self.wrong.push(format!("{method} {path} is not described")),
            Err(why) => self.wrong.push(format!("{method} {path}: {why}: {}", answer.body)),
        }
    }
}

#[test]
fn every_answer_that_is_described_happens_and_no_other() {
    let home = Home::new();
    let mut world = World::new(&home);
    let description = Description::new(world.server.get("/openapi.json").json(200));
    let mut witness = Witness { description: &description, seen: BTreeSet::new(), wrong: vec![] };
    of_those_who_may_not(&world, &mut witness);
    of_the_table(&mut world, &mut witness);
    drop(world);
    of_those_who_ask_too_often(&home, &mut witness);
    let Witness { seen, mut wrong, .. } = witness;
    for operation in description.operations() {
        for status in description.statuses(&operation) {
            let is_elsewhere = ELSEWHERE.iter().any(|(method, path, at, _)| {
                let is_meant = |own: &str, meant: &str| meant == "*" || own == meant;
                *at == status
                    && is_meant(&operation.method, method)
                    && is_meant(&operation.path, path)
            });
            if !is_elsewhere && !seen.contains(&(operation.clone(), status)) {
                wrong.push(format!(
                    "{} {}: {status} never happens",
                    operation.method, operation.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nobody, somebody without a role, somebody who says twice who they are, and somebody who sends
/// what nobody can read.
fn of_those_who_may_not(world: &World, witness: &mut Witness<'_>) {
    for operation in witness.description.guarded() {
        let path = some_path(&operation.path);
        for (who, headers, status) in [
            ("nobody", vec![], 401),
            ("token-no-roles", vec![], 403),
            ("twice", vec![], 400),
            ("all", vec!["content-encoding: br".to_owned()], 415),
        ] {
            let (who, method) = (who.to_owned(), operation.method.clone());
            let plain = Plain { who, method, path: path.clone(), headers, body: String::new() };
            let answer = world.send(&Request::Plain(plain)).unwrap();
            assert_eq!(answer.status, status, "{operation:?}: {answer:?}");
            witness.take(&operation.method, &path, &answer);
        }
    }
}

fn of_the_table(world: &mut World, witness: &mut Witness<'_>) {
    for row in rows(TABLE) {
        let Request::Plain(Plain { method, path, .. }) = &row.request else {
            panic!("line {}: nobody can say which operation that is", row.line);
        };
        let is_it = |answer: &Answer| {
            answer.status == row.status
                && row.code.as_ref().is_none_or(|it| answer.body.contains(it))
        };
        let mut answers = (0..TRIES_MAX).map(|_| world.send(&row.request).unwrap());
        let Some(answer) = answers.find(is_it) else {
            let last = world.send(&row.request).unwrap();
            let told = format!("{} {}", last.status, last.body);
            witness.wrong.push(format!("line {}: {method} {path} is only {told}", row.line));
            continue;
        };
        witness.take(method, &world.named(path), &answer);
        world.learn(&answer);
    }
}

/// With a limit so low that anybody comes to it.
fn of_those_who_ask_too_often(home: &Home, witness: &mut Witness<'_>) {
    let server = Server::start_with_args(home, &["--requests-per-second", "1"]);
    let reader = crate::authentication::key(home, "reader").1;
    for operation in witness.description.guarded() {
        let path = some_path(&operation.path);
        let request = format!(
            "{} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {reader}\r\n\r\n",
            operation.method
        );
        let ask = || wire::exchange(server.address(), request.as_bytes()).unwrap();
        let answer = (0..TRIES_MAX).map(|_| ask()).find(|answer| answer.status == 429);
        let answer = answer.unwrap_or_else(|| panic!("{operation:?} is answered without end"));
        witness.take(&operation.method, &path, &answer);
    }
}

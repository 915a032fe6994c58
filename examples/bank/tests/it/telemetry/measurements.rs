//! What is measured of trouble, and how many series there are.

use std::collections::BTreeSet;

use annals::limits::METADATA_BYTES_MAX;
use annals::telemetry::{Metric, metric};
use annals::{Json, NewEvent};
use serde_json::json;

use super::documented::assert_all_is_documented;
use super::{TRACE, one, traceparent};
use crate::collector::{Attributes, Collector, ReceivedSpan, attribute};
use crate::dead_letters::deposit;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    an_event_that_cannot_be_processed_is_measured,
    callers_do_not_make_series,
    a_rejection_is_an_outcome_and_no_error,
}

/// An event of newer code, written in a trace.
fn of_the_future(id: &str) -> NewEvent {
    let metadata = json!({"traceparent": traceparent(TRACE)}).to_string();
    let metadata = Json::parse("metadata", metadata, METADATA_BYTES_MAX).unwrap();
    deposit(id, 99, &json!(1)).with_metadata(metadata).unwrap()
}

fn an_event_that_cannot_be_processed_is_measured(home: &Home) {
    assert_eq!(home.bank(&["account", "open", "a", "--owner-name", "A"]).code, Some(0));
    let mut server = Server::start(home);
    server.end();
    home.append(vec![of_the_future("a")]);
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("grpc"));
    collector.wait_until(|it| {
        it.has_measured(&metric::PROJECTION_ERRORS, 1.0)
            && it.has_measured(&metric::DEAD_LETTERS, 1.0)
            && it.has_measured(&metric::DEAD_LETTER_AGE, f64::MIN_POSITIVE)
    });
    let headers = [("traceparent", &*traceparent(TRACE))];
    let answer = server.post_with("/accounts/a/deposits", r#"{"amount":1}"#, &headers);
    assert_eq!(answer.status, 500, "{answer:?}");
    server.end();
    collector.end();

    assert_eq!(errors_on(&collector, &metric::PROJECTION_ERRORS), ["rejected"]);
    assert_eq!(errors_on(&collector, &metric::HTTP_DURATION), ["500"]);
    assert_eq!(errors_on(&collector, &metric::COMMAND_DURATION), ["undecodable"]);
    let spans = collector.spans();
    let failures: BTreeSet<_> = spans.iter().filter_map(failure).collect();
    let expected = [
        ("POST /accounts/{id}/deposits", "500"),
        ("execute DepositMoney", "undecodable"),
        ("load", "undecodable"),
        ("process money_deposited", "rejected"),
        ("project account_statement", "rejected"),
        ("project account_summary", "rejected"),
    ];
    assert_eq!(failures, BTreeSet::from(expected));
    let request = one(&spans, |span| span.name == expected[0].0);
    assert_eq!(request.trace, TRACE);
    assert_all_is_documented(&collector);
}

/// Its name, and why it failed.
fn failure(span: &ReceivedSpan) -> Option<(&str, &str)> {
    let error = attribute(&span.attributes, "error.type");
    let status = if error.is_some() { "STATUS_CODE_ERROR" } else { "STATUS_CODE_UNSET" };
    assert_eq!(span.status, status, "{span:?}");
    error.map(|error| (&*span.name, error))
}

/// What is told of why something failed that is measured.
fn errors_on(collector: &Collector, metric: &Metric) -> Vec<String> {
    let points = collector.points().into_iter().filter(|point| point.metric == metric.name);
    let errors = points.filter_map(|it| attribute(&it.attributes, "error.type").map(str::to_owned));
    errors.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Ids, paths, methods and whatever else a caller can make up: as many series as without them.
fn callers_do_not_make_series(home: &Home) {
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("http/protobuf"));
    for number in 0..30 {
        let account = format!(
            r#"{{"account_id":"madeup{number}","owner_name":"A","initial_balance":{number}}}"#
        );
        server.post("/accounts", &account).json(201);
        server.get(&format!("/accounts/madeup{number}")).json(200);
        assert_eq!(server.get(&format!("/madeup{number}")).status, 404);
        assert_eq!(server.send(&format!("MADEUP{number}"), "/accounts").status, 405);
        let refused =
            server.post(&format!("/accounts/madeup{number}/withdrawals"), "{\"amount\":9999}");
        assert_eq!(refused.status, 409, "{refused:?}");
    }
    server.end();
    collector.end();
    let points = collector.points();
    let is_other = |of: &Attributes| attribute(of, "http.request.method") == Some("_OTHER");
    let of_others = points.iter().filter(|point| is_other(&point.attributes));
    assert_eq!(of_others.map(|point| point.value).fold(0.0, f64::max), 30.0);
    for point in &points {
        let mut values = point.attributes.values();
        let is_made_up = |value: &String| value.to_ascii_lowercase().contains("madeup");
        assert!(!values.any(is_made_up), "{point:?}");
    }
    let series: BTreeSet<_> =
        points.iter().map(|point| (&point.metric, &point.attributes)).collect();
    let of_http = series.iter().filter(|(name, _)| **name == metric::HTTP_DURATION.name);
    let of_http: Vec<_> = of_http.map(|(_, attributes)| *attributes).collect();
    assert_eq!(of_http.len(), 5, "{of_http:#?}");
    let statuses: BTreeSet<_> =
        of_http.iter().map(|it| it["http.response.status_code"].as_str()).collect();
    assert_eq!(
        statuses,
        BTreeSet::from(["Int(200)", "Int(201)", "Int(404)", "Int(405)", "Int(409)"])
    );
    assert_all_is_documented(&collector);
}

fn a_rejection_is_an_outcome_and_no_error(home: &Home) {
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("grpc"));
    let account = r#"{"account_id":"a","owner_name":"A","initial_balance":1}"#;
    server.post("/accounts", account).json(201);
    assert_eq!(server.post("/accounts/a/withdrawals", r#"{"amount":2}"#).status, 409);
    server.end();
    collector.end();
    let is_rejected = |of: &Attributes| attribute(of, "cqrs.outcome") == Some("rejected");
    let spans = collector.spans();
    let rejected: BTreeSet<&str> = spans
        .iter()
        .filter(|span| is_rejected(&span.attributes))
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(rejected, BTreeSet::from(["execute WithdrawMoney", "handle"]));
    assert_eq!(spans.iter().find_map(failure), None);
    let points = collector.points();
    let mut points = points.iter().filter(|point| is_rejected(&point.attributes)).peekable();
    assert!(points.peek().is_some());
    for point in points {
        assert!(!point.attributes.contains_key("error.type"), "{point:?}");
    }
    assert_all_is_documented(&collector);
}

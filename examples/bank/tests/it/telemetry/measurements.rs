//! What is measured of trouble, and how many series there are.

use std::collections::{BTreeMap, BTreeSet};

use annals::limits::PAYLOAD_BYTES_MAX;
use annals::telemetry::metric;
use annals::{EventType, Json, NewEvent, StreamId};

use crate::collector::Collector;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    an_event_that_cannot_be_processed_is_measured,
    callers_do_not_make_series,
    a_rejection_is_an_outcome_and_no_error,
}

/// An event of newer code.
fn of_the_future(id: &str) -> NewEvent {
    let payload = Json::parse("payload", "{}".to_owned(), PAYLOAD_BYTES_MAX).unwrap();
    let stream = StreamId::new("account", id).unwrap();
    NewEvent::new(stream, EventType::new("money_deposited").unwrap(), 99, payload).unwrap()
}

fn an_event_that_cannot_be_processed_is_measured(home: &Home) {
    assert_eq!(home.bank(&["account", "open", "a", "--owner-name", "A"]).code, Some(0));
    home.append(vec![of_the_future("a")]);
    let mut collector = Collector::start();
    let _server = Server::start_with(home, &collector.variables("grpc"));
    collector.wait_until(|it| {
        it.has_measured(&metric::PROJECTION_ERRORS, 1.0)
            && it.has_measured(&metric::DEAD_LETTERS, 1.0)
            && it.has_measured(&metric::DEAD_LETTER_AGE, f64::MIN_POSITIVE)
    });
    let points = collector.points();
    let errors: BTreeSet<_> = points
        .iter()
        .filter(|point| point.metric == metric::PROJECTION_ERRORS.name)
        .map(|point| point.attributes["error.type"].as_str())
        .collect();
    assert_eq!(errors, BTreeSet::from(["Str(rejected)"]));
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
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    collector.wait_until(|it| {
        let is_other = |value: &String| value == "Str(_OTHER)";
        it.points().iter().any(|point| {
            point.attributes.get("http.request.method").is_some_and(is_other) && point.value >= 30.0
        })
    });
    let points = collector.points();
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
}

fn a_rejection_is_an_outcome_and_no_error(home: &Home) {
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("grpc"));
    let account = r#"{"account_id":"a","owner_name":"A","initial_balance":1}"#;
    server.post("/accounts", account).json(201);
    assert_eq!(server.post("/accounts/a/withdrawals", r#"{"amount":2}"#).status, 409);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let rejected = "Str(rejected)".to_owned();
    let is_rejected =
        |attributes: &BTreeMap<String, String>| attributes.get("cqrs.outcome") == Some(&rejected);
    collector.wait_until(|it| {
        it.spans().iter().any(|span| span.name == "append")
            && it.spans().iter().any(|span| span.name.ends_with("/withdrawals"))
            && it.points().iter().any(|point| is_rejected(&point.attributes))
    });
    let spans = collector.spans();
    let rejected: BTreeSet<&str> = spans
        .iter()
        .filter(|span| is_rejected(&span.attributes))
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(rejected, BTreeSet::from(["execute WithdrawMoney", "handle"]));
    for span in &spans {
        assert!(!span.attributes.contains_key("error.type"), "{span:?}");
    }
    for point in collector.points().iter().filter(|point| is_rejected(&point.attributes)) {
        assert!(!point.attributes.contains_key("error.type"), "{point:?}");
    }
}

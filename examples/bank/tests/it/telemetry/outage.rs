//! A collector that dies while a transfer is under way, and is back before its end.

use std::collections::BTreeSet;

use annals::telemetry::{Metric, metric};
use serde_json::Value;
use ureq::http::Request;

use super::documented::assert_all_is_documented;
use super::traces::Traces;
use super::{TRACE, traceparent};
use crate::client::send;
use crate::collector::{Collector, ReceivedSpan, attribute};
use crate::home::Home;
use crate::server::Server;

/// What makes an account unreadable: its events are of newer code. So the transfer to it has a step
/// that fails and is tried again, until they are as they were.
fn set_version(home: &Home, version: u32) {
    home.database().execute(&format!(
        "ALTER TABLE annals.event DISABLE TRIGGER stays;
         UPDATE annals.event SET event_version = {version} WHERE aggregate_id = 'bob';
         ALTER TABLE annals.event ENABLE ALWAYS TRIGGER stays"
    ));
}

/// Made while there is no collector.
const DEPOSITS: f64 = 20.0;

/// Spans of each of them, which are received or counted as lost.
const OF_A_DEPOSIT: [&str; 2] = ["POST /accounts/{id}/deposits", "execute DepositMoney"];

#[test]
fn a_transfer_ends_although_the_collector_is_away_in_the_middle() {
    let home = Home::on_postgres();
    for (id, balance) in [("alice", "100"), ("bob", "0"), ("carol", "0")] {
        let args = ["account", "open", id, "--owner-name", id, "--initial-balance", balance];
        assert_eq!(home.bank(&args).code, Some(0), "{id}");
    }
    set_version(&home, 99);
    let mut before = Collector::start();
    // This one stays, and is told what the other one does not receive.
    let mut measurements = Collector::start();
    let mut variables = before.variables("grpc");
    variables.extend([
        ("OTEL_TRACES_SAMPLER", "parentbased_always_on".to_owned()),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", measurements.endpoint("grpc")),
    ]);
    let mut server = Server::start_with(&home, &variables);
    let transfer =
        |to: &str| format!(r#"{{"from_account_id":"alice","to_account_id":"{to}","amount":7}}"#);
    let headers = [("traceparent", &*traceparent(TRACE))];
    let asked = server.post_with("/transfers", &transfer("bob"), &headers);
    let path = asked.header("location").to_owned();
    asked.json(202);
    // The span of the step itself comes when it has ended.
    before.wait_until(|it| {
        let traces = Traces::of(it.spans());
        traces.of_caller("execute TransferOut").is_some()
            && traces.spans.iter().any(|span| span.name == "execute TransferIn")
    });

    before.kill();
    for _ in 0..20 {
        server.post("/accounts/carol/deposits", r#"{"amount":1}"#).json(200);
    }
    let other = server.post_with("/transfers", &transfer("carol"), &[("prefer", "wait=15")]);
    assert_eq!(other.json(200)["state"], "completed");
    assert_eq!(server.get(&path).json(200)["state"], "requested");
    measurements.wait_until(|it| lost(it) > 0.0);
    let spans_before = before.spans();
    let mut after = before.restart();
    set_version(&home, 1);
    assert_eq!(ended(&server, &path)["state"], "completed");
    server.end();
    after.end();
    measurements.end();
    // Nothing is missing that is not counted.
    let of_deposits = [("cqrs.command", "DepositMoney")];
    assert!(most(&measurements, &metric::COMMAND_DURATION, &of_deposits) >= DEPOSITS);
    let (lost, missing) = (lost(&measurements), missing(&after.spans()));
    assert!(lost >= missing, "{missing} are missing, {lost} are counted");

    // One trace, whichever of the two received what of it.
    let traces = Traces::of([spans_before, after.spans()].concat());
    traces.of_caller("execute CompleteTransfer").unwrap();
    let outcomes: BTreeSet<_> = traces
        .all_of_caller("execute TransferIn")
        .map(|span| {
            let error = attribute(&span.attributes, "error.type");
            (attribute(&span.attributes, "cqrs.outcome").unwrap(), error, &*span.status)
        })
        .collect();
    let failed = ("failed", Some("undecodable"), "STATUS_CODE_ERROR");
    let written = ("written", None, "STATUS_CODE_UNSET");
    assert_eq!(outcomes, BTreeSet::from([failed, written]));
    assert_all_is_documented(&after);
    assert_all_is_documented(&measurements);
}

/// Spans of the deposits that were not received.
fn missing(received: &[ReceivedSpan]) -> f64 {
    let is_of_one = |span: &&ReceivedSpan| OF_A_DEPOSIT.contains(&span.name.as_str());
    received.iter().filter(is_of_one).fold(2.0 * DEPOSITS, |missing, _| missing - 1.0)
}

/// The transfer, once it has ended.
fn ended(server: &Server, path: &str) -> Value {
    let request = Request::get(format!("{}{path}", server.url)).header("prefer", "wait=15");
    send(request.body(Vec::new()).unwrap()).json(200)
}

/// Spans that are counted as not taken.
fn lost(collector: &Collector) -> f64 {
    let not_taken = [("cqrs.signal", "traces"), ("error.type", "export_failed")];
    most(collector, &metric::DROPPED, &not_taken)
}

/// What a series with these attributes was at most.
fn most(collector: &Collector, metric: &Metric, attributes: &[(&str, &str)]) -> f64 {
    let points = collector.points().into_iter().filter(|point| point.is_of(metric, attributes));
    points.map(|point| point.value).fold(0.0, f64::max)
}

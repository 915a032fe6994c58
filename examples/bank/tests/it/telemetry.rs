//! What a real collector receives of the bank.

mod documented;
mod ending;
mod lag;
mod log_lines;
mod measurements;
mod outage;
mod pools;
mod replaying;
mod silence;
mod tls;
mod traces;
mod transfer;
mod undecodable;
mod variables;

use annals::telemetry::metric;

use self::documented::assert_all_is_documented;
use crate::collector::{Collector, ReceivedRecord, ReceivedSpan};
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_request_is_one_connected_trace_from_its_caller_to_the_read_model,
    commands_do_not_notice_that_the_collector_is_away,
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// Another one, of the same caller.
const LATER: &str = "1af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// Neither the name nor the amount may be exported.
const ALICE: &str = r#"{"account_id":"a","owner_name":"Zaphod Q","initial_balance":90210733}"#;

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// Milliseconds that no test waits for.
const AN_HOUR: &str = "3600000";

/// What is logged of [`post_garbled`].
const GARBLED: &str = "a body could not be read";

/// The variable by which it is.
fn garbled_is_logged() -> (&'static str, String) {
    ("RUST_LOG", "info,annals_http=debug".to_owned())
}

/// Sends a request of which a line is logged.
fn post_garbled(server: &Server, headers: &[(&str, &str)]) {
    let headers = [headers, &[("content-encoding", "gzip")]].concat();
    assert_eq!(server.post_with("/accounts", "no gzip", &headers).status, 400);
}

fn is_of_garbled(record: &ReceivedRecord) -> bool {
    record.body == format!("Str({GARBLED})")
}

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-{CALLER}-01")
}

#[track_caller]
fn one(spans: &[ReceivedSpan], is_wanted: impl Fn(&&ReceivedSpan) -> bool) -> &ReceivedSpan {
    let found: Vec<_> = spans.iter().filter(is_wanted).collect();
    assert_eq!(found.len(), 1, "{found:#?} of {spans:#?}");
    found[0]
}

fn is_projected(collector: &Collector, trace: &str) -> bool {
    collector.spans().iter().any(|span| {
        span.name.starts_with("process ") && span.links.iter().any(|link| link.0 == trace)
    })
}

fn a_request_is_one_connected_trace_from_its_caller_to_the_read_model(home: &Home) {
    for (number, protocol) in PROTOCOLS.into_iter().enumerate() {
        let mut collector = Collector::start();
        let mut server = Server::start_with(home, &collector.variables(protocol));
        let account = ALICE.replace("\"a\"", &format!("\"a{number}\""));
        let headers = [("traceparent", traceparent(TRACE)), ("tracestate", "vendor=1".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        server.post_with("/accounts", &account, &headers).json(201);
        collector.wait_until(|it| is_projected(it, TRACE));
        // What was not exported by then is sent at the end.
        server.end();
        collector.end();

        let spans = collector.spans();
        let of_trace = |name: &'static str| {
            one(&spans, move |span| span.trace == TRACE && span.name.starts_with(name))
        };
        let request = of_trace("POST ");
        assert_eq!((request.parent.as_str(), request.kind.as_str()), (CALLER, "SPAN_KIND_SERVER"));
        assert_eq!(request.attributes["http.request.method"], "Str(POST)");
        assert_eq!(request.attributes["http.response.status_code"], "Int(201)");
        let execute = of_trace("execute OpenAccount");
        assert_eq!(execute.parent, request.id);
        assert_eq!([&request.tracestate, &execute.tracestate], ["vendor=1"; 2]);
        assert_eq!(execute.attributes["cqrs.command"], "Str(OpenAccount)");
        assert_eq!(execute.attributes["cqrs.aggregate_id"], format!("Str(a{number})"));
        assert_eq!(execute.attributes["cqrs.event_count"], "Int(1)");
        assert_eq!(execute.attributes["cqrs.outcome"], "Str(written)");
        for step in ["load", "handle", "append"] {
            one(&spans, |span| span.parent == execute.id && span.name == step);
        }
        let append = one(&spans, |span| span.parent == execute.id && span.name == "append");
        let append = (TRACE.to_owned(), append.id.clone());
        let is_its_batch = |span: &&ReceivedSpan| span.links.contains(&append);
        let batch = one(&spans, is_its_batch);
        assert_eq!(batch.name, "write batch");
        let system = if home.store().starts_with("postgres") { "postgresql" } else { "sqlite" };
        assert_eq!(batch.attributes["db.system.name"], format!("Str({system})"));
        let executed = (TRACE.to_owned(), execute.id.clone());
        let process = one(&spans, |span| {
            span.name == "process account_opened"
                && span.attributes["cqrs.projection"] == "Str(account_summary)"
        });
        assert_eq!(process.links, [executed]);
        let project = one(&spans, |span| span.id == process.parent);
        assert_eq!(project.name, "project account_summary");

        assert!(collector.has(&metric::PROJECTION_DURATION));
        assert_all_is_documented(&collector);
        for secret in ["Zaphod", "90210733", "traceparent"] {
            assert!(!collector.received.contains(secret), "{secret}");
        }
    }
}

fn commands_do_not_notice_that_the_collector_is_away(home: &Home) {
    for (number, protocol) in PROTOCOLS.into_iter().enumerate() {
        let mut collector = Collector::start();
        let mut variables = collector.variables(protocol);
        variables.push(garbled_is_logged());
        let mut server = Server::start_with(home, &variables);
        let account = ALICE.replace("\"a\"", &format!("\"a{number}\""));
        server.post_with("/accounts", &account, &[("traceparent", &traceparent(TRACE))]).json(201);
        collector.wait_until(|it| is_projected(it, TRACE));
        collector.kill();
        let deposits = format!("/accounts/a{number}/deposits");
        for _ in 0..20 {
            server.post(&deposits, r#"{"amount":1}"#).json(200);
        }
        let mut collector = collector.restart();
        let headers = [("traceparent", &*traceparent(LATER))];
        server.post_with(&deposits, r#"{"amount":1}"#, &headers).json(200);
        post_garbled(&server, &headers);
        collector.wait_until(|it| {
            is_projected(it, LATER)
                && it.records().iter().any(is_of_garbled)
                && it.has_measured(&metric::COMMAND_DURATION, 21.0)
        });
        drop(collector);
        // It is away for good now, and the program ends all the same.
        server.post(&deposits, r#"{"amount":1}"#).json(200);
        server.end();
    }
}

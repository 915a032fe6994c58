//! A transfer, from the request to the last read model.

use annals::telemetry::{Metric, metric};
use serde_json::Value;

use super::traces::Traces;
use super::{CALLER, TRACE, assert_all_is_documented, one, traceparent};
use crate::collector::Collector;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    a_transfer_is_one_connected_trace_to_every_read_model,
}

/// What is projected of it, by whom.
const PROJECTED: [(&str, &str); 7] = [
    ("account_summary", "money_withdrawn"),
    ("account_summary", "money_deposited"),
    ("account_statement", "money_withdrawn"),
    ("account_statement", "money_deposited"),
    ("transfer_saga", "transfer_requested"),
    ("sagas", "saga.event_taken"),
    ("sagas", "saga.step_succeeded"),
];

/// What only trouble or timers make.
const OF_TROUBLE: [&Metric; 5] = [
    &metric::COMMAND_CONFLICTS,
    &metric::APPEND_RESENT,
    &metric::PROJECTION_ERRORS,
    &metric::TIMER_LATENESS,
    &metric::DROPPED,
];

/// Names and amounts, which must not be exported.
const ALICE: &str = r#"{"account_id":"a","owner_name":"Zaphod Q","initial_balance":90210733}"#;
const BOB: &str = r#"{"account_id":"b","owner_name":"Trillian M","initial_balance":0}"#;
const TRANSFER: &str = r#"{"from_account_id":"a","to_account_id":"b","amount":4077391}"#;

/// A key that opens everything a teller may do; and the secret in it.
fn key(home: &Home) -> (String, String) {
    let created = home.bank(&["keys", "create", "tess", "--role", "teller", "--format", "json"]);
    let key = created.json()["key"].as_str().unwrap().to_owned();
    let secret = key.rsplit('_').next().unwrap().to_owned();
    (format!("Bearer {key}"), secret)
}

fn a_transfer_is_one_connected_trace_to_every_read_model(home: &Home) {
    let (key, secret) = key(home);
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("http/protobuf"));
    let authorization = ("authorization", key.as_str());
    for account in [ALICE, BOB] {
        server.post_with("/accounts", account, &[authorization]).json(201);
    }
    let traceparent = traceparent(TRACE);
    let headers = [authorization, ("traceparent", &traceparent), ("prefer", "wait=15")];
    let made: Value = server.post_with("/transfers", TRANSFER, &headers).json(200);
    assert_eq!(made["state"], "completed");

    let wanted = wanted(home);
    collector.wait_until(|it| {
        let (traces, measured) = (Traces::of(it.spans()), it.metrics());
        PROJECTED.iter().all(|projected| traces.processed(projected).next().is_some())
            && traces.of_caller("execute CompleteTransfer").is_some()
            && wanted.iter().all(|metric| measured.contains_key(metric.name))
    });
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    collector.wait_until(|it| {
        let traces = Traces::of(it.spans());
        let steps = traces.spans.iter().filter(|span| span.name == "saga step transfer_saga");
        steps.count() == 3 && traces.of_caller("POST /transfers").is_some()
    });

    let traces = Traces::of(collector.spans());
    let request = traces.of_caller("POST /transfers").unwrap();
    assert_eq!((request.parent.as_str(), request.kind.as_str()), (CALLER, "SPAN_KIND_SERVER"));
    assert_eq!(request.attributes["http.route"], "Str(/transfers)");
    assert_eq!(request.attributes["network.protocol.version"], "Str(1.1)");
    for (command, aggregate) in [
        ("RequestTransfer", None),
        ("TransferOut", Some("a")),
        ("TransferIn", Some("b")),
        ("CompleteTransfer", None),
    ] {
        let execute = traces.of_caller(&format!("execute {command}")).unwrap();
        assert_eq!(execute.attributes["cqrs.command"], format!("Str({command})"));
        assert_eq!(execute.attributes["cqrs.event_count"], "Int(1)");
        assert_eq!(execute.attributes["cqrs.outcome"], "Str(written)");
        if let Some(aggregate) = aggregate {
            assert_eq!(execute.attributes["cqrs.aggregate_id"], format!("Str({aggregate})"));
        }
        for step in ["load", "handle", "append"] {
            one(&traces.spans, |span| span.parent == execute.id && span.name == step);
        }
        let append = one(&traces.spans, |span| span.parent == execute.id && span.name == "append");
        one(&traces.spans, |span| span.links.contains(&(append.trace.clone(), append.id.clone())));
    }
    // Each step goes on with the one before it, and its command is its child.
    for command in ["TransferOut", "TransferIn", "CompleteTransfer"] {
        let execute = traces.of_caller(&format!("execute {command}")).unwrap();
        let step = one(&traces.spans, |span| span.id == execute.parent);
        assert_eq!(step.name, "saga step transfer_saga");
        assert_eq!(step.links.len(), 1, "{step:?}");
    }
    assert_all_is_documented(&collector);
    for secret in ["Zaphod", "Trillian", "90210733", "4077391", &secret, "Bearer", "postgres://"] {
        assert!(!collector.received.contains(secret), "{secret}");
    }
}

/// What is measured when everything goes well.
fn wanted(home: &Home) -> Vec<&'static Metric> {
    let sees_flush = !home.store().starts_with("postgres");
    let is_wanted = |metric: &&&Metric| {
        !OF_TROUBLE.contains(metric) && (sees_flush || **metric != &metric::FLUSH_DURATION)
    };
    metric::ALL.iter().filter(is_wanted).copied().collect()
}

//! A transfer, from the request to the last read model.

use std::collections::{BTreeMap, BTreeSet};

use annals::telemetry::{Metric, Span, attribute as name, metric, span};
use serde_json::Value;

use super::documented::{assert_all_is_documented, declared};
use super::traces::Traces;
use super::{CALLER, TRACE, one, traceparent};
use crate::collector::{Collector, ReceivedSpan, attribute};
use crate::each_store::on_each_store;
use crate::home::{Finished, Home};
use crate::server::Server;

on_each_store! {
    a_transfer_is_one_connected_trace_to_every_read_model,
}

/// What is projected of it, by whom, and how often.
const PROJECTED: [((&str, &str), usize); 8] = [
    (("account_summary", "money_withdrawn"), 1),
    (("account_summary", "money_deposited"), 1),
    (("account_statement", "money_withdrawn"), 1),
    (("account_statement", "money_deposited"), 1),
    (("transfer_saga", "transfer_requested"), 1),
    (("transfer_saga", "transfer_completed"), 1),
    (("sagas", "saga.event_taken"), 1),
    (("sagas", "saga.step_succeeded"), 3),
];

/// What only trouble or timers make.
const OF_TROUBLE: [&Metric; 5] = [
    &metric::COMMAND_CONFLICTS,
    &metric::APPEND_RESENT,
    &metric::PROJECTION_ERRORS,
    &metric::TIMER_LATENESS,
    &metric::DROPPED,
];

/// What a span has only in trouble, or for an odd request.
const OF_ODD_SPANS: [&str; 2] = [name::ERROR_TYPE.name, name::HTTP_METHOD_ORIGINAL.name];

/// What a transfer has none of.
const OF_OTHERS: [Span; 1] = [span::WAIT];

/// Names and amounts, which must not be exported.
const ALICE: &str = r#"{"account_id":"a","owner_name":"Zaphod Q","initial_balance":90210733}"#;
const BOB: &str = r#"{"account_id":"b","owner_name":"Trillian M","initial_balance":0}"#;
const TRANSFER: &str = r#"{"from_account_id":"a","to_account_id":"b","amount":4077391}"#;

/// What else a caller says that nobody may be told.
const HEADERS: [(&str, &str); 3] =
    [("idempotency-key", "secretkey"), ("user-agent", "secretagent"), ("baggage", "secret=bag")];

/// Where the log is; in a database, by a role that logs in with a password.
fn store(home: &Home) -> String {
    if !home.store().starts_with("postgres") {
        return home.store();
    }
    let role = home.database().create_role("owner");
    home.database().execute(&format!(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); \
         END $$"
    ));
    home.database().url_of(&role)
}

/// A key that opens everything a teller may do; and the secret in it.
fn key(home: &Home, store: &str) -> (String, String) {
    let create = ["keys", "create", "tess", "--role", "teller", "--format", "json"];
    let created = Finished::of(home.command(&create).env("BANK_STORE", store));
    let key = created.json()["key"].as_str().unwrap().to_owned();
    let secret = key.rsplit('_').next().unwrap().to_owned();
    (format!("Bearer {key}"), secret)
}

fn a_transfer_is_one_connected_trace_to_every_read_model(home: &Home) {
    let store = store(home);
    let (key, secret) = key(home, &store);
    let mut collector = Collector::start();
    let mut variables = collector.variables("http/protobuf");
    variables.extend([
        ("BANK_STORE", store.clone()),
        ("BANK_LOG_FORMAT", "json".to_owned()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secrettoken".to_owned()),
    ]);
    let mut server = Server::start_with(home, &variables);
    let authorization = ("authorization", key.as_str());
    for account in [ALICE, BOB] {
        server.post_with("/accounts?q=secretquery", account, &[authorization]).json(201);
    }
    let traceparent = traceparent(TRACE);
    let own = [authorization, ("traceparent", &traceparent), ("prefer", "wait=15")];
    let headers = [&own[..], &HEADERS].concat();
    let made: Value = server.post_with("/transfers", TRANSFER, &headers).json(200);
    assert_eq!(made["state"], "completed");
    // A trace of its own, and a decision.
    let instant = TRANSFER.replace("}", r#","mode":"instant"}"#);
    server.post_with("/transfers", &instant, &[authorization]).json(201);
    let refused = [("authorization", "Bearer annals_0_secretguess")];
    assert_eq!(server.post_with("/transfers", TRANSFER, &refused).status, 401);

    let wanted = wanted();
    collector.wait_until(|it| {
        let traces = Traces::of(it.spans());
        PROJECTED.iter().all(|(projected, times)| positions(&traces, projected) >= *times)
            && wanted.iter().all(|metric| it.has(metric))
    });
    let said = server.end();
    collector.end();

    let traces = Traces::of(collector.spans());
    assert_parents_and_links_are_of_their_traces(&traces.spans);
    assert_all_that_is_declared_is_there(&traces.spans);
    assert_all_is_documented(&collector);
    for (projected, times) in &PROJECTED {
        assert_eq!(positions(&traces, projected), *times, "{projected:?}: {:#?}", traces.spans);
        for process in traces.processed(projected) {
            let project = one(&traces.spans, |span| span.id == process.parent);
            assert_eq!(project.name, format!("project {}", projected.0));
        }
    }
    let request = traces.of_caller("POST /transfers").unwrap();
    assert_eq!((request.parent.as_str(), request.trace.as_str()), (CALLER, TRACE));
    assert_eq!(request.attributes["http.route"], "Str(/transfers)");
    assert_eq!(request.attributes["network.protocol.version"], "Str(1.1)");
    for (command, aggregate) in [
        ("RequestTransfer", None),
        ("TransferOut", Some("a")),
        ("TransferIn", Some("b")),
        ("CompleteTransfer", None),
    ] {
        let execute = traces.of_caller(&format!("execute {command}")).unwrap();
        assert_is_told_in_full(execute, command, &traces.spans);
        if let Some(aggregate) = aggregate {
            assert_eq!(execute.attributes["cqrs.aggregate_id"], format!("Str({aggregate})"));
        }
    }
    // Each step goes on with the one before it, and its command is its child.
    let mut before = traces.of_caller("execute RequestTransfer").unwrap();
    assert_eq!((&before.parent, before.trace.as_str()), (&request.id, TRACE));
    for (number, command) in [(1, "TransferOut"), (2, "TransferIn"), (3, "CompleteTransfer")] {
        let execute = traces.of_caller(&format!("execute {command}")).unwrap();
        let step = one(&traces.spans, |span| span.id == execute.parent);
        assert_eq!(step.name, "saga step transfer_saga");
        assert_eq!(step.attributes["cqrs.saga_step"], format!("Int({number})"));
        assert_eq!(step.links, [(before.trace.clone(), before.id.clone())], "{step:?}");
        before = step;
    }
    let password = store.starts_with("postgres").then(|| home.database().password.as_str());
    let secrets = ["Zaphod", "Trillian", "90210733", "4077391", "Bearer", "postgres://", &secret];
    for secret in secrets.into_iter().chain(HEADERS.map(|(_, value)| value)).chain(password) {
        assert!(!collector.received.contains(secret), "{secret}");
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    for told in [&collector.received, &said] {
        assert!(!told.contains("secret") && told.contains("a request was not let in"), "{told}");
    }
}

/// Of how many events it is told that they were projected. A batch may have to be written again.
fn positions(traces: &Traces, projected: &(&str, &str)) -> usize {
    let positions = traces.processed(projected).filter_map(|it| it.attributes.get("cqrs.position"));
    positions.collect::<BTreeSet<_>>().len()
}

/// A command that was written has its steps, and they say the same.
fn assert_is_told_in_full(execute: &ReceivedSpan, command: &str, spans: &[ReceivedSpan]) {
    assert_eq!(execute.attributes["cqrs.command"], format!("Str({command})"));
    assert_eq!(execute.attributes["cqrs.event_count"], "Int(1)");
    assert_eq!(execute.attributes["cqrs.outcome"], "Str(written)");
    let [load, _, append] = ["load", "handle", "append"]
        .map(|step| one(spans, |span| span.parent == execute.id && span.name == step));
    let source = attribute(&load.attributes, "cqrs.state_source");
    assert!(["memory", "events"].map(Some).contains(&source), "{load:?}");
    assert_eq!(append.attributes["cqrs.position"], execute.attributes["cqrs.position"]);
    let append = (append.trace.clone(), append.id.clone());
    let batch = one(spans, |span| span.links.contains(&append));
    assert_eq!(batch.name, "write batch");
    let appends = attribute(&batch.attributes, "db.operation.batch.size");
    assert_eq!(appends, Some(&*format!("Int({})", batch.links.len())), "{batch:?}");
}

fn assert_parents_and_links_are_of_their_traces(spans: &[ReceivedSpan]) {
    let traces: BTreeMap<&str, &str> = spans.iter().map(|span| (&*span.id, &*span.trace)).collect();
    for span in spans {
        let links = span.links.iter().map(|(trace, id)| (&**trace, &**id));
        for (trace, id) in links.chain([(&*span.trace, &*span.parent)]) {
            let found = traces.get(id);
            assert!(found.is_none_or(|found| *found == trace), "{id} of {span:#?}");
        }
    }
}

/// Each kind of span has all that the catalogue says, if not each time.
fn assert_all_that_is_declared_is_there(spans: &[ReceivedSpan]) {
    let is_usual = |name: &&str| !OF_ODD_SPANS.contains(name);
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for received in spans {
        let names = found.entry(declared(received).name).or_default();
        names.extend(received.attributes.keys().map(String::as_str).filter(is_usual));
    }
    for declared in span::ALL.iter().filter(|declared| !OF_OTHERS.contains(declared)) {
        let expected = declared.attributes.iter().map(|attribute| attribute.name);
        let found = found.remove(declared.name).unwrap_or_default();
        assert_eq!(found, expected.filter(is_usual).collect(), "{}", declared.name);
    }
}

/// What is measured when everything goes well.
fn wanted() -> Vec<&'static Metric> {
    metric::ALL.iter().filter(|metric| !OF_TROUBLE.contains(metric)).copied().collect()
}

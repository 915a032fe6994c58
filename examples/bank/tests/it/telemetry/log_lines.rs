//! What is logged: lines on standard error, and records at the collector.

use serde_json::Value;

use super::{ALICE, GARBLED, TRACE, garbled_is_logged, post_garbled, traceparent};
use crate::collector::Collector;
use crate::home::Home;
use crate::server::Server;

/// What the bank says when it lets somebody not in.
const REFUSED: &str = "a request was not let in";

/// A key of nobody, as long as a real one.
const WRONG: &str = "Bearer annals_0123456789abcdef_c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff";

#[test]
fn each_record_is_a_line_of_json_that_names_its_trace_and_is_exported() {
    let home = Home::new();
    let key = home.bank(&["keys", "create", "tess", "--role", "teller", "--format", "json"]);
    let key = key.json()["key"].as_str().unwrap().to_owned();
    let mut collector = Collector::start();
    let mut variables = collector.variables("http/protobuf");
    variables.push(("BANK_LOG_FORMAT", "json".to_owned()));
    let mut server = Server::start_with(&home, &variables);
    let right = format!("Bearer {key}");
    server.post_with("/accounts", ALICE, &[("authorization", &right)]).json(201);
    let traceparent = traceparent(TRACE);
    let headers = [("authorization", WRONG), ("traceparent", &*traceparent)];
    let answer = server.post_with("/accounts", ALICE, &headers);
    assert_eq!(answer.status, 401);

    let mut lines = Vec::new();
    let refused = loop {
        let line = server.next_error_line();
        let record: Value = serde_json::from_str(&line).unwrap();
        lines.push(line);
        if record["message"] == REFUSED {
            break record;
        }
    };
    assert_eq!((&refused["level"], &refused["trace_id"]), (&"info".into(), &TRACE.into()));
    assert_eq!(refused["correlation_id"], answer.header("x-request-id"));
    assert!(refused["fields"]["reason"].is_string(), "{refused}");
    chrono::DateTime::parse_from_rfc3339(refused["timestamp"].as_str().unwrap()).unwrap();

    lines.push(server.end());
    collector.end();
    let records = collector.records();
    let record = records.iter().find(|record| record.body == format!("Str({REFUSED})")).unwrap();
    let span = refused["span_id"].as_str().unwrap();
    assert_eq!((record.trace.as_str(), record.span.as_str()), (TRACE, span));
    assert!(record.severity.starts_with("SEVERITY_NUMBER_INFO"), "{record:?}");
    let request = collector.spans().into_iter().find(|it| it.id == span).unwrap();
    assert_eq!((&*request.name, &*request.trace), ("POST /accounts", TRACE));
    let secret = key.rsplit('_').next().unwrap();
    for secret in [secret, "c0ffee", "Bearer", "Zaphod", "90210733"] {
        assert!(!lines.concat().contains(secret), "{secret} in {lines:#?}");
        assert!(!collector.received.contains(secret), "{secret}");
    }
}

#[test]
fn a_line_for_people_begins_with_its_trace() {
    let home = Home::new();
    let collector = Collector::start();
    let mut variables = collector.variables("grpc");
    variables.push(garbled_is_logged());
    let mut server = Server::start_with(&home, &variables);
    post_garbled(&server, &[("traceparent", &traceparent(TRACE))]);
    let said = server.end();
    let line = said.lines().find(|line| line.contains(GARBLED)).unwrap();
    assert!(line.starts_with(&format!("trace={TRACE} ")), "{line}");
}

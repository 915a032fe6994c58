//! Telemetry that ends before its program does. A process of its own, because it is started once in
//! each.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what it uses too")]

use annals_core::telemetry::{TARGET, is_on, span};
use annals_otel::{Lines, Options, Running, Settings, StartError};

/// Exports everything to a collector that is not there.
fn start(protocol: &str) -> Result<Running, StartError> {
    let settings = Settings::from_variables(|name| match name {
        "OTEL_TRACES_EXPORTER" | "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => {
            Some("otlp".to_owned())
        }
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        _ => None,
    });
    let options = Options { service: "test", version: "1", lines: Lines::Human, filter: "off" };
    annals_otel::start(&settings.unwrap(), &options)
}

/// What ends in a task must not wait there: a runtime that does panics, which it did.
#[tokio::test]
async fn what_exports_may_be_dropped_in_a_task_whatever_its_protocol() {
    let running = start("http/protobuf").unwrap();
    assert!(is_on());
    // Something waits to be exported.
    tracing::info_span!(target: TARGET, span::EXECUTE.name).in_scope(|| tracing::error!("lost"));
    // What cannot be used because there is one already ends as well.
    for protocol in ["http/protobuf", "grpc"] {
        assert!(matches!(start(protocol), Err(StartError::Twice)));
    }
    drop(running);
}

//! A collector that takes connections and never answers.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use annals::telemetry::metric;

use super::ALICE;
use super::documented::assert_all_is_documented;
use crate::collector::{Collector, attribute};
use crate::home::Home;
use crate::server::Server;

/// Spans and log records go nowhere; measurements arrive, and say so.
#[test]
fn a_collector_that_never_answers_costs_spans_and_nothing_else() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let silent = Silent::start();
        let mut collector = Collector::start();
        let mut variables = variables(&collector, protocol, &silent.url);
        variables.extend([
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8".to_owned()),
            // An hour: that the program ends is not because an export has.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000".to_owned()),
        ]);
        let mut server = Server::start_with(&home, &variables);
        server.post("/accounts", ALICE).json(201);
        silent.wait_for_a_connection();
        for _ in 0..50 {
            server.post("/accounts/a/deposits", r#"{"amount":1}"#).json(200);
        }
        collector.wait_until(|it| has_lost(it, "queue_full", 50.0));
        server.end();
        collector.end();
        assert_all_is_documented(&collector);
    }
}

#[test]
fn what_the_collector_does_not_take_is_counted() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let mut collector = Collector::start();
        let variables = variables(&collector, protocol, &hanging_up());
        let server = Server::start_with(&home, &variables);
        server.post("/accounts", ALICE).json(201);
        collector.wait_until(|it| has_lost(it, "export_failed", 1.0));
        drop(server);
    }
}

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// Spans and log records go to `url`, and measurements to the collector.
fn variables(collector: &Collector, protocol: &str, url: &str) -> Vec<(&'static str, String)> {
    let endpoint = |url: &str, signal: &str| match protocol {
        "grpc" => url.to_owned(),
        _ => format!("{url}/v1/{signal}"),
    };
    let mut variables = collector.variables(protocol);
    variables.retain(|(name, _)| *name != "OTEL_EXPORTER_OTLP_ENDPOINT");
    let metrics = endpoint(&collector.endpoint(protocol), "metrics");
    variables.extend([
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint(url, "traces")),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", endpoint(url, "logs")),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", metrics),
    ]);
    variables
}

/// Whether at least so many spans were lost for this reason.
fn has_lost(collector: &Collector, why: &str, least: f64) -> bool {
    collector.points().iter().any(|point| {
        point.metric == metric::DROPPED.name
            && attribute(&point.attributes, "cqrs.signal") == Some("traces")
            && attribute(&point.attributes, "error.type") == Some(why)
            && point.value >= least
    })
}

/// Where somebody takes connections and closes them.
fn hanging_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(drop));
    url
}

/// It takes connections, and keeps them.
struct Silent {
    url: String,
    connections: Receiver<TcpStream>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (taken, connections) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if taken.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { url, connections }
    }

    fn wait_for_a_connection(&self) {
        // Kept open for as long as the program may run.
        std::mem::forget(self.connections.recv().unwrap());
    }
}

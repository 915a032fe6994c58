//! A collector that takes connections and never answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use annals::otel::SHUTDOWN_WAIT_MAX;
use annals::telemetry::metric;

use super::documented::assert_all_is_documented;
use super::{ALICE, AN_HOUR, PROTOCOLS, garbled_is_logged, post_garbled};
use crate::collector::{Collector, ReceivedPoint};
use crate::home::Home;
use crate::server::Server;

/// Spans and log records go nowhere; measurements arrive, and say so.
#[test]
fn a_collector_that_never_answers_costs_what_it_does_not_take_and_nothing_else() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let silent = Silent::start();
        let mut collector = Collector::start();
        let mut variables = variables(&collector, protocol, &silent.url);
        variables.extend([
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8".to_owned()),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "8".to_owned()),
            // That the program ends is not because an export has.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", AN_HOUR.to_owned()),
            garbled_is_logged(),
        ]);
        let mut server = Server::start_with(&home, &variables);
        server.post("/accounts", ALICE).json(201);
        silent.wait_for_a_connection();
        for _ in 0..50 {
            server.post("/accounts/a/deposits", r#"{"amount":1}"#).json(200);
            post_garbled(&server, &[]);
        }
        collector.wait_until(|it| {
            has_lost(it, "traces", "queue_full", 50.0) && has_lost(it, "logs", "queue_full", 40.0)
        });
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
        // Its start is logged already.
        server.post("/accounts", ALICE).json(201);
        collector.wait_until(|it| {
            ["traces", "logs"].iter().all(|signal| has_lost(it, signal, "export_failed", 1.0))
        });
        drop(server);
    }
}

#[test]
fn measurements_that_the_collector_does_not_take_are_counted() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let mut collector = Collector::start();
        let mut variables = collector.variables(protocol);
        for other in ["OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"] {
            variables.push((other, "none".to_owned()));
        }
        collector.kill();
        let url = collector.endpoint(protocol);
        let in_its_place = TcpListener::bind(url.strip_prefix("http://").unwrap()).unwrap();
        let _server = Server::start_with(&home, &variables);
        refuse(in_its_place.accept().unwrap().0);
        drop(in_its_place);
        let mut collector = collector.restart();
        collector.wait_until(|it| has_lost(it, "metrics", "export_failed", 1.0));
    }
}

/// A collector that is there for no signal.
#[test]
fn a_collector_that_never_answers_holds_nobody_up_for_longer_than_is_said() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let silent = Silent::start();
        let timeout = ("OTEL_EXPORTER_OTLP_TIMEOUT", AN_HOUR.to_owned());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", silent.url.clone());
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned());
        let mut server = Server::start_with(&home, &[timeout, endpoint, protocol]);
        server.post("/accounts", ALICE).json(201);
        silent.wait_for_a_connection();
        let begun = Instant::now();
        server.end();
        // It would be an hour.
        assert!(begun.elapsed() < SHUTDOWN_WAIT_MAX + Duration::from_secs(10));
    }
}

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

/// Whether at least so much of a signal was lost for this reason.
fn has_lost(collector: &Collector, signal: &str, why: &str, least: f64) -> bool {
    let lost = [("cqrs.signal", signal), ("error.type", why)];
    let is_it = |point: &ReceivedPoint| point.is_of(&metric::DROPPED, &lost);
    collector.points().iter().any(|point| is_it(point) && point.value >= least)
}

/// Where somebody takes connections and closes them.
fn hanging_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(drop));
    url
}

/// Takes a request and answers that it is never to come again, in a way that means nothing by gRPC.
/// Gives its head.
pub(super) fn refuse(mut stream: TcpStream) -> Vec<String> {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let lines = request.by_ref().lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    request.read_exact(&mut vec![0; length]).unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
    head
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

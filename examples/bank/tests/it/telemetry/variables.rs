//! The standard variables, end to end.

use std::collections::BTreeSet;
use std::net::TcpListener;

use annals::telemetry::metric;

use super::silence::refuse;
use super::{
    ALICE, GARBLED, PROTOCOLS, TRACE, garbled_is_logged, is_of_garbled, post_garbled, traceparent,
};
use crate::collector::Collector;
use crate::home::Home;
use crate::server::Server;

#[test]
fn variables_say_who_exports_and_that_it_is_compressed() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let mut collector = Collector::start();
        let mut variables = collector.variables(protocol);
        variables.extend(
            [
                ("OTEL_SERVICE_NAME", "till"),
                ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,owner=ann"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ]
            .map(|(name, value)| (name, value.to_owned())),
        );
        variables.push(garbled_is_logged());
        let mut server = Server::start_with(&home, &variables);
        post_garbled(&server, &[("traceparent", &traceparent(TRACE))]);
        server.end();
        collector.end();
        let records = collector.records();
        assert!(records.iter().any(|it| is_of_garbled(it) && it.trace == TRACE), "{records:#?}");
        assert!(collector.spans().iter().any(|span| span.trace == TRACE));
        assert!(collector.has(&metric::HTTP_DURATION));
        for resource in collector.resources() {
            for (name, value) in [
                ("service.name", "till"),
                ("deployment.environment.name", "test"),
                ("owner", "ann"),
                ("service.version", env!("CARGO_PKG_VERSION")),
            ] {
                assert_eq!(resource[name], format!("Str({value})"), "{resource:?}");
            }
        }
    }
}

#[test]
fn what_is_turned_off_is_not_exported() {
    for (variable, value, is_all) in
        [("OTEL_SDK_DISABLED", "true", true), ("OTEL_TRACES_SAMPLER", "always_off", false)]
    {
        let home = Home::new();
        let mut collector = Collector::start();
        let mut variables = collector.variables("grpc");
        variables.push((variable, value.to_owned()));
        variables.push(garbled_is_logged());
        let mut server = Server::start_with(&home, &variables);
        let headers = [("traceparent", &*traceparent(TRACE))];
        server.post_with("/accounts", ALICE, &headers).json(201);
        post_garbled(&server, &headers);
        let said = server.end();
        collector.end();
        assert!(said.contains(GARBLED), "{said}");
        assert_eq!(collector.spans(), []);
        assert_eq!(collector.metrics().is_empty(), is_all, "{variable}");
        assert_eq!(collector.records().is_empty(), is_all, "{variable}");
    }
}

#[test]
fn each_export_has_the_headers_that_a_variable_names() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20dGlsbA==,x-tenant=bank".to_owned()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500".to_owned()),
        ("RUST_LOG", "info".to_owned()),
    ];
    let server = Server::start_with(&home, &variables);
    server.post("/accounts", ALICE).json(201);
    let mut wanted = BTreeSet::from(["/v1/logs", "/v1/metrics", "/v1/traces"]);
    while !wanted.is_empty() {
        let head = refuse(listener.accept().unwrap().0);
        let path = head[0].split(' ').nth(1).unwrap();
        wanted.remove(path);
        for header in ["authorization: Basic dGlsbA==", "x-tenant: bank", "content-encoding: gzip"]
        {
            assert!(head.iter().any(|line| line == header), "{header} in {head:?}");
        }
    }
}

//! A trace that comes with a request goes on in what is asked of others because of it. A process of
//! its own, because telemetry is started once in each.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what it uses too")]

use annals_http::{Server, ServerOptions, Service, ServiceOptions};
use annals_otel::{Lines, Options, Settings, outgoing};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The headers that a handler would send on.
async fn ask_others() -> Json<Value> {
    let headers = outgoing();
    let first = headers.iter().map(|header| (header.name.to_owned(), json!(header.value)));
    Json(first.collect())
}

/// What is sent on because of a request with these headers.
async fn sent_on(address: std::net::SocketAddr, headers: &[(&str, &str)]) -> Value {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn trace_state_and_baggage_of_a_request_go_on_in_what_is_asked_because_of_it() {
    // Nobody is there, which nobody notices.
    let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces");
    let settings =
        Settings::from_variables(|name| (name == endpoint.0).then(|| endpoint.1.to_owned()));
    let options = Options { service: "test", version: "1", lines: Lines::Human, filter: "off" };
    let _running = annals_otel::start(&settings.unwrap(), &options).unwrap();
    let service =
        Service::new(Router::new().route("/", get(ask_others)), ServiceOptions::default());
    let server = Server::new(service, ServerOptions::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(listener, async {
        let _ = stopped.await;
    }));

    let came = format!("00-{TRACE}-{CALLER}-01");
    let sent = sent_on(
        address,
        &[("traceparent", &came), ("tracestate", "vendor=1,other=2"), ("baggage", "tenant=north")],
    )
    .await;
    let traceparent = sent["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{sent}");
    assert!(traceparent.ends_with("-01") && !traceparent.contains(CALLER), "{sent}");
    assert_eq!(sent["tracestate"], "vendor=1,other=2");
    assert_eq!(sent["baggage"], "tenant=north");

    // What the caller does not keep, nobody keeps.
    let sent = sent_on(address, &[("traceparent", &came.replace("-01", "-00"))]).await;
    let traceparent = sent["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{sent}");
    assert!(traceparent.ends_with("-00"), "{sent}");

    // Without a caller it begins here.
    let sent = sent_on(address, &[]).await;
    assert!(!sent["traceparent"].as_str().unwrap().contains(TRACE), "{sent}");
    assert_eq!((&sent["tracestate"], &sent["baggage"]), (&Value::Null, &Value::Null));
    stop.send(()).unwrap();
    serving.await.unwrap();
}

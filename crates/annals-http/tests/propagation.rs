//! A trace that comes with a request goes on in what is asked of others because of it. A process of
//! its own, because telemetry is started once in each.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what it uses too")]

use std::net::SocketAddr;
use std::sync::OnceLock;

use annals_http::{Server, ServerOptions, Service, ServiceOptions};
use annals_otel::{Lines, Options, Running, Settings, outgoing};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The headers that a handler would send on.
async fn ask_others() -> Json<Value> {
    let headers = outgoing();
    let first = headers.iter().map(|header| (header.name.to_owned(), json!(header.value)));
    Json(first.collect())
}

fn start_telemetry() {
    static RUNNING: OnceLock<Running> = OnceLock::new();
    RUNNING.get_or_init(|| {
        // Nobody is there, which nobody notices.
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces");
        let settings =
            Settings::from_variables(|name| (name == endpoint.0).then(|| endpoint.1.to_owned()));
        let options = Options { service: "test", version: "1", lines: Lines::Human, filter: "off" };
        annals_otel::start(&settings.unwrap(), &options).unwrap()
    });
}

/// A service that answers with what it would send on.
struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Serving {
    async fn begin() -> Self {
        start_telemetry();
        let service =
            Service::new(Router::new().route("/", get(ask_others)), ServiceOptions::default());
        let server = Server::new(service, ServerOptions::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { address, stop, serving }
    }

    /// What is sent on because of a request with these headers.
    async fn sent_on(&self, headers: &[(&str, &str)]) -> Value {
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }
}

fn traceparent() -> String {
    format!("00-{TRACE}-{CALLER}-01")
}

#[tokio::test]
async fn trace_state_and_baggage_of_a_request_go_on_in_what_is_asked_because_of_it() {
    let serving = Serving::begin().await;
    let came = traceparent();
    let state = ("tracestate", "vendor=1,other=2");
    let sent = serving.sent_on(&[("traceparent", &came), state, ("baggage", "tenant=north")]).await;
    let traceparent = sent["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{sent}");
    assert!(traceparent.ends_with("-01") && !traceparent.contains(CALLER), "{sent}");
    assert_eq!(sent["tracestate"], "vendor=1,other=2");
    assert_eq!(sent["baggage"], "tenant=north");

    // What the caller does not keep, nobody keeps.
    let sent = serving.sent_on(&[("traceparent", &came.replace("-01", "-00"))]).await;
    let traceparent = sent["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{sent}");
    assert!(traceparent.ends_with("-00"), "{sent}");

    // Without a caller it begins here.
    let sent = serving.sent_on(&[]).await;
    assert!(!sent["traceparent"].as_str().unwrap().contains(TRACE), "{sent}");
    assert_eq!((&sent["tracestate"], &sent["baggage"]), (&Value::Null, &Value::Null));
    serving.end().await;
}

#[tokio::test]
async fn state_and_baggage_in_several_lines_go_on_as_one_line_in_their_order() {
    let serving = Serving::begin().await;
    let sent = serving
        .sent_on(&[
            ("tracestate", "one=1"),
            ("baggage", "tenant=north"),
            ("traceparent", &traceparent()),
            ("tracestate", ""),
            ("tracestate", "two=2 ,\tthree=3"),
            ("baggage", "day=monday;early"),
        ])
        .await;
    assert_eq!(sent["tracestate"], "one=1,two=2,three=3");
    assert_eq!(sent["baggage"], "tenant=north,day=monday;early");
    serving.end().await;
}

#[tokio::test]
async fn what_a_later_version_has_in_common_with_version_00_is_understood() {
    let serving = Serving::begin().await;
    for version in ["01", "0a", "cc", "fe"] {
        for later in ["", "-", "-what-comes-later"] {
            let came = format!("{version}-{TRACE}-{CALLER}-01{later}");
            let sent = serving.sent_on(&[("traceparent", &came), ("tracestate", "one=1")]).await;
            let traceparent = sent["traceparent"].as_str().unwrap();
            assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{came}: {sent}");
            assert!(traceparent.ends_with("-01") && !traceparent.contains(CALLER), "{sent}");
            assert_eq!(sent["tracestate"], "one=1");
        }
    }
    serving.end().await;
}

#[tokio::test]
async fn what_is_no_traceparent_is_left_out_with_its_state_but_not_with_its_baggage() {
    let serving = Serving::begin().await;
    let good = traceparent();
    let of_version = |version: &str| good.replacen("00", version, 1);
    let wrong = [
        of_version("ff"),
        of_version("0A"),
        of_version("0x"),
        of_version("1"),
        format!("{good}-more"),
        format!("{}more", of_version("01")),
        of_version("01").replace("-01", "-1"),
        good.replace(TRACE, &"0".repeat(32)),
        of_version("01").replace(CALLER, &"0".repeat(16)),
        good.to_uppercase(),
    ];
    let in_one_line = wrong.iter().map(|line| vec![line.as_str()]);
    for lines in in_one_line.chain([vec![good.as_str(), good.as_str()]]) {
        let mut headers = vec![("tracestate", "one=1"), ("baggage", "tenant=north")];
        headers.extend(lines.iter().map(|line| ("traceparent", *line)));
        let sent = serving.sent_on(&headers).await;
        assert!(!sent["traceparent"].as_str().unwrap().contains(TRACE), "{lines:?}: {sent}");
        assert_eq!(sent["tracestate"], Value::Null, "{lines:?}");
        assert_eq!(sent["baggage"], "tenant=north");
    }
    serving.end().await;
}

#[tokio::test]
async fn baggage_is_taken_along_up_to_its_bound_and_then_left_out() {
    let serving = Serving::begin().await;
    let half = format!("a={}", "x".repeat(4_094));
    let other_half = half.get(..4_095).unwrap();
    let sent = serving.sent_on(&[("baggage", &half), ("baggage", other_half)]).await;
    assert_eq!(sent["baggage"].as_str().unwrap().len(), 8_192);
    let sent = serving.sent_on(&[("baggage", &half), ("baggage", &half)]).await;
    assert_eq!(sent["baggage"], Value::Null);
    serving.end().await;
}

/// By the recommendation: whole entries, long ones first, then those at the end.
#[tokio::test]
async fn of_a_state_that_is_too_long_whole_entries_are_left_out() {
    let serving = Serving::begin().await;
    let entry = |name: &str, bytes: usize| format!("{name}={}", "x".repeat(bytes - 2));
    let state_of = async |entries: &[String]| {
        let came = traceparent();
        let mut headers = vec![("traceparent", came.as_str())];
        headers.extend(entries.iter().map(|entry| ("tracestate", entry.as_str())));
        serving.sent_on(&headers).await["tracestate"].as_str().unwrap().to_owned()
    };
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| entry(name, 128));
    let shorter = entry("d", 125);
    let fits = [a.clone(), b.clone(), c.clone(), shorter];
    assert_eq!(fits.join(",").len(), 512);
    assert_eq!(state_of(&fits).await, fits.join(","));
    let at_the_end = [a.clone(), b.clone(), c.clone(), d.clone()];
    assert_eq!(state_of(&at_the_end).await, [a.clone(), b.clone(), c].join(","));
    let long = [a.clone(), entry("l", 129), b.clone(), entry("m", 129), d];
    assert_eq!(state_of(&long).await, [a, long[2].clone(), long[4].clone()].join(","));
    serving.end().await;
}

//! What is refused because it is too much, too slow or from the wrong place.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use annals_http::Callers;
use axum::http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{read_answer, request, send};
use crate::house::{House, Plan};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

/// A frame of zstd (RFC 8878, section 3.1.1) whose window is 128 KiB, with these blocks.
fn zstd(blocks: &[u8]) -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3], blocks].concat()
}

/// The head of a block: its size, its kind (0 is as it is, 1 is one byte repeated), and whether it
/// is the last.
fn zstd_block(size: u32, kind: u32, is_last: bool) -> [u8; 3] {
    let [first, second, third, _] = (size << 3 | kind << 1 | u32::from(is_last)).to_le_bytes();
    [first, second, third]
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /counters/a/up HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-encoding: {encoding}\r\n\
        content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_compressed_body_is_taken() {
    let house = House::new().await;
    let body = br#"{"by":5}"#;
    let as_it_is = [&zstd_block(8, 0, true)[..], body].concat();
    for (encoding, body, count) in [("gzip", gzip(body), 5), ("zstd", zstd(&as_it_is), 10)] {
        let answer = send(house.address, encoded(encoding, &body)).await;
        assert_eq!(answer.json(200)["count"], count, "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_decompresses_to_too_much_is_refused() {
    let house = House::new().await;
    // 40 MiB in both: 320 blocks of as many spaces as one can have.
    let spaces = |is_last| [&zstd_block(128 * 1024, 1, is_last)[..], b" "].concat();
    let blocks = [spaces(false).repeat(319), spaces(true)].concat();
    for (encoding, body) in [("gzip", gzip(&vec![b' '; 40 * 1024 * 1024])), ("zstd", zstd(&blocks))]
    {
        assert!(body.len() < 64 * 1024);
        let answer = send(house.address, encoded(encoding, &body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_its_encoding_says_is_refused() {
    let house = House::new().await;
    let answer = send(house.address, encoded("gzip", b"no gzip at all")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_body"));
    let answer = send(house.address, encoded("br", b"x")).await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "unknown_encoding"));
    assert_eq!(answer.header("accept-encoding"), Some("gzip, zstd"));
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_or_does_not_come_is_not_waited_for() {
    let mut plan = Plan::default();
    plan.service.body.within = Duration::from_millis(50);
    let house = House::with(plan).await;
    let head = |length: &str| {
        format!(
            "POST /counters/a/up HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
            content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
        )
    };
    let answer = send(house.address, head("65537")).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let answer = send(house.address, head("100")).await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"));
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let mut plan = Plan::default();
    plan.server.headers_within = Duration::from_millis(50);
    let house = House::with(plan).await;
    for head in ["", "GET / HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}

/// Each drop comes in time, and the last one never would.
#[tokio::test]
async fn what_comes_in_drops_is_not_waited_for() {
    let mut plan = Plan::default();
    plan.service.body.within = Duration::from_millis(100);
    plan.server.headers_within = Duration::from_millis(100);
    let house = House::with(plan).await;
    let post = "POST /counters/a/up HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for (begin, drop, status) in [
        ("GET /counters/a HTTP/1.1\r\nhost: x\r\nx: ".to_owned(), "a", None),
        (format!("{post}content-length: 60000\r\n\r\n"), " ", Some("HTTP/1.1 408")),
        (format!("{post}transfer-encoding: chunked\r\n\r\n"), "1\r\n \r\n", Some("HTTP/1.1 408")),
    ] {
        let stream = TcpStream::connect(house.address).await.unwrap();
        let (mut answer, mut request) = stream.into_split();
        request.write_all(begin.as_bytes()).await.unwrap();
        let dripping = async {
            let mut moments = tokio::time::interval(Duration::from_millis(5));
            while request.write_all(drop.as_bytes()).await.is_ok() {
                moments.tick().await;
            }
        };
        let mut bytes = Vec::new();
        // It ends with an error where drops were on the way.
        let _ = tokio::join!(dripping, answer.read_to_end(&mut bytes)).1;
        let text = String::from_utf8(bytes).unwrap();
        assert!(status.is_none_or(|status| text.starts_with(status)), "{begin}: {text}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let house = House::new().await;
    let large = "x".repeat(40 * 1024);
    let answer = house.get_with("/counters/a", &[("x-large", &large)]).await;
    assert_eq!(answer.status, 431);
    let names: Vec<_> = (0..100).map(|number| format!("x-{number}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(house.get_with("/counters/a", &headers).await.status, 431);
}

#[tokio::test]
async fn more_requests_than_are_taken_on_are_sent_away_and_health_is_not() {
    let mut plan = Plan::default();
    plan.service.requests_max = 1;
    let house = House::with(plan).await;
    let slow = tokio::spawn(send(house.address, request("GET", "/slow", &[], "")));
    house.begun.acquire().await.unwrap().forget();
    let answer = house.get("/counters/a").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    house.get("/livez").await.json(200);
    house.may_end.add_permits(1);
    assert_eq!(slow.await.unwrap().status, 200);
    house.get("/counters/a").await.json(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let mut plan = Plan::default();
    plan.service.request_within = Duration::from_millis(50);
    let house = House::with(plan).await;
    let answer = house.get("/slow").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "timeout"));
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_their_turn() {
    let mut plan = Plan::default();
    plan.server.connections_max = 1;
    let house = House::with(plan).await;
    let mut first = TcpStream::connect(house.address).await.unwrap();
    first.write_all(request("GET", "/slow", &[], "").as_bytes()).await.unwrap();
    house.begun.acquire().await.unwrap().forget();
    let second = tokio::spawn(send(house.address, request("GET", "/slow", &[], "")));
    // If the second were accepted, it would begin within this time.
    let begun = tokio::time::timeout(Duration::from_millis(100), house.begun.acquire()).await;
    assert!(begun.is_err());
    house.may_end.add_permits(2);
    assert_eq!(read_answer(&mut first).await.status, 200);
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_and_says_nothing() {
    let house = House::new().await;
    let answer = house.get("/panic").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    house.get("/counters/a").await.json(200);
}

#[tokio::test]
async fn answers_make_browsers_careful() {
    let house = House::new().await;
    for path in ["/counters/a", "/nowhere", "/livez"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = Some("default-src 'none'; frame-ancestors 'none'");
        assert_eq!(answer.header("content-security-policy"), policy, "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
}

#[tokio::test]
async fn other_origins_are_let_in_only_if_they_are_named() {
    let origin = |name| [("origin", name), ("access-control-request-method", "POST")];
    let preflight = |house: &House, name| {
        send(house.address, request("OPTIONS", "/counters/a/up", &origin(name), ""))
    };
    let closed = House::new().await;
    let answer = preflight(&closed, "https://app.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let mut plan = Plan::default();
    plan.service.cors_origins = vec![HeaderValue::from_static("https://app.example")];
    let open = House::with(plan).await;
    let answer = preflight(&open, "https://app.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let answer = preflight(&open, "https://evil.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_service_for_this_machine_refuses_pages_of_other_sites() {
    let mut plan = Plan::default();
    plan.service.callers = Callers::ThisMachine;
    let house = House::with(plan).await;
    let answer = house.get_with("/counters/a", &[("origin", "https://evil.example")]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "other_site"));
    house.get_with("/counters/a", &[("origin", "http://localhost:1")]).await.json(200);
    let text = "GET /counters/a HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(send(house.address, text).await.code(), "other_site");
}

#[tokio::test]
async fn what_is_broken_says_nothing_internal() {
    use annals_testing::{Call, Fault, FaultyStore};
    let store = FaultyStore::new(annals_core::MemoryStore::new()).on(Call::Head, 2, Fault::Closed);
    let house = House::with(Plan { store: Arc::new(store), ..Plan::default() }).await;
    // Once it is live, the feed has asked for the head for the first time and the last.
    house.follow("/events").await.next_place().await.unwrap();
    let answer = house.get("/admin/log").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert_eq!(answer.json(503)["detail"], "try again with the same request");
}

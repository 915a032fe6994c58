//! A request that comes by TLS.

use annals::telemetry::metric;

use crate::collector::{Collector, attribute};
use crate::home::Home;
use crate::server::Server;
use crate::tls;

#[test]
fn a_request_by_tls_is_told_as_one() {
    let home = Home::new();
    let certificate = tls::write(&home);
    let mut collector = Collector::start();
    let variables = collector.variables("http/protobuf");
    let mut server = Server::start_with_all(&home, &tls::ARGUMENTS, &variables);
    let answer = tls::get(&server, "/livez", certificate);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    server.end();
    collector.end();

    let span = collector.spans().into_iter().find(|it| it.name == "GET /livez").unwrap();
    assert_eq!(attribute(&span.attributes, "url.scheme"), Some("https"));
    assert_eq!(span.attributes["server.address"], "Str(localhost)");
    let points = collector.points();
    let mut points = points.iter().filter(|it| it.metric == metric::HTTP_DURATION.name).peekable();
    assert!(points.peek().is_some());
    for point in points {
        assert_eq!(attribute(&point.attributes, "url.scheme"), Some("https"), "{point:?}");
    }
}

//! A request that comes by TLS.

use annals::telemetry::metric;

use crate::collector::Collector;
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
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));

    let https = Some(&"Str(https)".to_owned());
    collector.wait_until(|it| {
        it.spans().iter().any(|span| span.attributes.get("url.scheme") == https)
            && it.points().iter().any(|point| point.attributes.get("url.scheme") == https)
    });
    let span = collector.spans().into_iter().find(|it| it.name == "GET /livez").unwrap();
    assert_eq!(span.attributes.get("url.scheme"), https);
    assert_eq!(span.attributes["server.address"], "Str(localhost)");
    let points =
        collector.points().into_iter().filter(|it| it.metric == metric::HTTP_DURATION.name);
    for point in points {
        assert_eq!(point.attributes.get("url.scheme"), https, "{point:?}");
    }
}

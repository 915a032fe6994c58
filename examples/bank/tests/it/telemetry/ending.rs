//! What waits to be exported when the program ends.

use annals::telemetry::metric;

use super::{ALICE, AN_HOUR, PROTOCOLS, garbled_is_logged, is_of_garbled, post_garbled};
use crate::collector::Collector;
use crate::home::Home;
use crate::server::Server;

/// How long what waits is kept, of each signal.
const PAUSES: [&str; 3] =
    ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"];

#[test]
fn what_waits_is_exported_before_the_end() {
    for protocol in PROTOCOLS {
        let home = Home::new();
        let mut collector = Collector::start();
        let mut variables = collector.variables(protocol);
        variables.extend(PAUSES.map(|pause| (pause, AN_HOUR.to_owned())));
        variables.push(garbled_is_logged());
        let mut server = Server::start_with(&home, &variables);
        server.post("/accounts", ALICE).json(201);
        post_garbled(&server, &[]);
        collector.take_what_is_there();
        let is_empty = |it: &Collector| {
            it.spans().is_empty() && it.metrics().is_empty() && it.records().is_empty()
        };
        assert!(is_empty(&collector), "{protocol}: {}", collector.received);

        server.end();
        collector.end();
        assert!(collector.spans().iter().any(|span| span.name == "execute OpenAccount"));
        assert!(collector.records().iter().any(is_of_garbled));
        assert!(collector.has_measured(&metric::COMMAND_DURATION, 1.0));
    }
}

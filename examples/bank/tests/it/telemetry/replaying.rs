//! What is told of a state that comes from the log.

use super::{LATER, TRACE, one, traceparent};
use crate::collector::Collector;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    an_event_that_is_applied_has_no_span,
}

fn an_event_that_is_applied_has_no_span(home: &Home) {
    assert_eq!(home.bank(&["account", "open", "a", "--owner-name", "A"]).code, Some(0));
    for _ in 0..20 {
        assert_eq!(home.bank(&["account", "deposit", "a", "1"]).code, Some(0));
    }
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("http/protobuf"));
    for trace in [TRACE, LATER] {
        let headers = [("traceparent", &*traceparent(trace))];
        server.post_with("/accounts/a/withdrawals", r#"{"amount":1}"#, &headers).json(200);
    }
    server.end();
    collector.end();
    for (trace, source, applied) in [(TRACE, "events", 21), (LATER, "memory", 0)] {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == trace);
        let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        let request = "POST /accounts/{id}/withdrawals";
        // The second is for the answer.
        let steps = ["append", "execute WithdrawMoney", "handle", "load", "load"];
        assert_eq!(names, [&[request][..], &steps].concat());
        let execute = one(&spans, |span| span.name == "execute WithdrawMoney");
        let load = one(&spans, |span| span.name == "load" && span.parent == execute.id);
        assert_eq!(load.attributes["cqrs.state_source"], format!("Str({source})"));
        assert_eq!(load.attributes["cqrs.event_count"], format!("Int({applied})"));
    }
}

//! What is told of an event that has another form than the code has it.

use annals::telemetry::metric;
use serde_json::json;

use crate::collector::Collector;
use crate::dead_letters::deposit;
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    what_does_not_decode_is_told_without_its_content,
}

fn what_does_not_decode_is_told_without_its_content(home: &Home) {
    assert_eq!(home.bank(&["account", "open", "a", "--owner-name", "A"]).code, Some(0));
    home.append(vec![deposit("a", 1, &json!("Zaphod-4077391"))]);
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("grpc"));
    collector.wait_until(|it| {
        it.has_measured(&metric::DEAD_LETTERS, 1.0)
            && it.records().iter().any(|record| record.body == "Str(parked an event)")
    });
    assert_eq!(server.post("/accounts/a/deposits", r#"{"amount":1}"#).status, 500);
    let said = server.end();
    collector.end();
    for (by, told) in [("lines", &said), ("export", &collector.received)] {
        assert!(told.contains("parked an event") && told.contains("something broken"), "{by}");
        assert!(!told.contains("Zaphod") && !told.contains("4077391"), "{by}: {told}");
    }
}

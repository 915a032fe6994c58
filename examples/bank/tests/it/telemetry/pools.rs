//! What pools of connections tell.

use std::collections::BTreeMap;

use annals::telemetry::metric;

use super::ALICE;
use crate::collector::{Collector, ReceivedPoint};
use crate::each_store::on_each_store;
use crate::home::Home;
use crate::server::Server;

on_each_store! {
    every_pool_tells_how_it_is_used_and_waited_for,
}

fn every_pool_tells_how_it_is_used_and_waited_for(home: &Home) {
    let pools: &[&str] = match home.store().starts_with("postgres") {
        true => &["primary", "workers", "readers"],
        false => &["log_readers", "queries", "lookups"],
    };
    let mut collector = Collector::start();
    let mut server = Server::start_with(home, &collector.variables("grpc"));
    server.post("/accounts", ALICE).json(201);
    // Until there is a read model, which takes milliseconds.
    assert!((0..20_000).any(|_| server.get("/accounts").status == 200));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    collector.wait_until(|it| {
        let points = it.points();
        pools.iter().all(|pool| {
            has(&points, metric::POOL_WAIT.name, &[(POOL, pool)])
                && ["used", "idle"].iter().all(|state| {
                    has(&points, metric::POOL_CONNECTIONS.name, &[(POOL, pool), (STATE, state)])
                })
        })
    });
}

const POOL: &str = "db.client.connection.pool.name";
const STATE: &str = "db.client.connection.state";

/// Whether there is a series of `metric` with these among its attributes.
fn has(points: &[ReceivedPoint], metric: &str, attributes: &[(&str, &str)]) -> bool {
    let is_so = |of: &BTreeMap<String, String>| {
        let mut attributes = attributes.iter();
        attributes.all(|(name, value)| of.get(*name) == Some(&format!("Str({value})")))
    };
    points.iter().any(|point| point.metric == metric && is_so(&point.attributes))
}

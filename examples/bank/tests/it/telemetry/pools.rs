//! What pools of connections tell.

use annals::telemetry::{Metric, metric};

use super::ALICE;
use super::documented::assert_all_is_documented;
use crate::collector::Collector;
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
    server.end();
    collector.end();
    let points = collector.points();
    let assert_there = |metric: &Metric, attributes: &[(&str, &str)]| {
        let is_there = points.iter().any(|point| point.is_of(metric, attributes));
        assert!(is_there, "{attributes:?}: {points:#?}");
    };
    for pool in pools {
        assert_there(&metric::POOL_WAIT, &[(POOL, pool)]);
        for state in ["used", "idle"] {
            assert_there(&metric::POOL_CONNECTIONS, &[(POOL, pool), (STATE, state)]);
        }
    }
    assert_all_is_documented(&collector);
}

const POOL: &str = "db.client.connection.pool.name";
const STATE: &str = "db.client.connection.state";

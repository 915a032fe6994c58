//! A read model that cannot keep up.

use annals::telemetry::{Metric, metric};

use super::ALICE;
use crate::collector::Collector;
use crate::database;
use crate::home::Home;
use crate::server::Server;

/// What locks the read model of the accounts, until the transaction ends.
const LOCK: &str = "BEGIN; LOCK TABLE account_summary_1.account_query_model";

#[test]
fn a_read_model_that_stands_still_lags_until_it_goes_on() {
    let home = Home::on_postgres();
    let mut collector = Collector::start();
    let server = Server::start_with(&home, &collector.variables("grpc"));
    server.post("/accounts", ALICE).json(201);
    wait_for_read_models(&home);
    database::on(&home.store(), async |session| {
        session.batch_execute(LOCK).await.unwrap();
        server.post("/accounts/a/deposits", r#"{"amount":1}"#).json(200);
        collector.wait_until(|it| {
            last(it, &metric::PROJECTION_LAG_EVENTS, &SUMMARY) >= Some(1.0)
                && last(it, &metric::PROJECTION_LAG_TIME, &SUMMARY) > Some(0.0)
                && last(it, &metric::POOL_CONNECTIONS, &USED_BY_WORKERS) >= Some(1.0)
        });
        session.batch_execute("COMMIT").await.unwrap();
    });
    collector.wait_until(|it| {
        last(it, &metric::PROJECTION_LAG_EVENTS, &SUMMARY) == Some(0.0)
            && last(it, &metric::PROJECTION_LAG_TIME, &SUMMARY) == Some(0.0)
    });
}

const SUMMARY: [(&str, &str); 2] =
    [("cqrs.projection", "account_summary"), ("cqrs.generation_state", "serving")];

const USED_BY_WORKERS: [(&str, &str); 2] =
    [("db.client.connection.pool.name", "workers"), ("db.client.connection.state", "used")];

/// What a series with these attributes was at last.
fn last(collector: &Collector, metric: &Metric, attributes: &[(&str, &str)]) -> Option<f64> {
    let point = collector.points().into_iter().rfind(|point| point.is_of(metric, attributes));
    point.map(|point| point.value)
}

/// Waits until all read models serve.
#[track_caller]
fn wait_for_read_models(home: &Home) {
    let states = || {
        let status = home.bank(&["projections", "status", "--format", "json"]).json();
        let all = status["projections"].as_array().unwrap().clone();
        all.into_iter().map(|it| it["generation"]["state"].clone()).collect::<Vec<_>>()
    };
    assert!((0..1_000).any(|_| states() == ["serving"; 4]), "{:?}", states());
}

//! What is written together, and how much of it.

use std::time::Duration;

use annals_core::{
    AppendCondition, AppendError, CommandId, EventStore, EventType, Json, NewEvent, Sequence,
};
use annals_postgres::{PostgresOptions, PostgresStore};
use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::database::Database;
use crate::hostile::block_on;
use crate::load::{append, event, stream};
use crate::proxy::Proxy;

async fn open(options: PostgresOptions) -> PostgresStore {
    PostgresStore::open(options).await.expect("the log can be opened")
}

/// Events and bytes of each transaction that has written events, in the order of the log.
async fn transactions(session: &Client) -> Vec<(i64, i64)> {
    let statement = "SELECT count(*), sum(octet_length(payload::text))::bigint FROM annals.event
                     GROUP BY xmin::text ORDER BY min(position)";
    let rows = session.query(statement, &[]).await.expect("the log can be read");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
fn what_queues_up_is_written_in_one_transaction() {
    const APPENDS: u64 = 300;
    block_on(async {
        let database = Database::with_log().await;
        let store = open(database.application_options()).await;
        let appends = (0..APPENDS).map(|number| {
            // Every third is refused, and takes nobody with it.
            let wrong = Sequence::new(number % 3 / 2 * 7).expect("it is small");
            let name = number.to_string();
            let condition = AppendCondition::default().expect_sequence(stream(&name), wrong);
            store.append(append(vec![event(&name, "1")], condition, None))
        });
        let outcomes = join_all(appends).await;
        let refused = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(AppendError::Conflict { .. })))
            .count() as u64;
        assert_eq!(refused, APPENDS / 3);
        assert!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64 == APPENDS - refused
        );
        let written = transactions(&database.owner().await).await;
        // The first may go alone, while the others queue up.
        assert!(written.len() <= 3, "{written:?}");
    });
}

#[test]
fn batches_are_bounded_in_events_and_in_bytes() {
    const EVENTS_MAX: i64 = 2_000;
    const BYTES_MAX: i64 = 8 * 1024 * 1024;
    block_on(async {
        let database = Database::with_log().await;
        let store = open(database.application_options()).await;
        let small = (0..20).map(|_| {
            let events = (0..300).map(|_| event("small", "1")).collect();
            store.append(append(events, AppendCondition::default(), None))
        });
        let payload = Json::parse("payload", format!("\"{}\"", "x".repeat(900_000)), 1 << 20);
        let large = payload.expect("it is JSON within the limits");
        let large = (0..20).map(|_| {
            let event_type = EventType::new("grew").expect("it is a name");
            let event = NewEvent::new(stream("large"), event_type, 1, large.clone());
            let events = vec![event.expect("it is within the limits")];
            store.append(append(events, AppendCondition::default(), None))
        });
        for outcome in join_all(small.chain(large).collect::<Vec<_>>()).await {
            let _ = outcome.expect("it holds always");
        }
        let written = transactions(&database.owner().await).await;
        let events: i64 = written.iter().map(|(events, _)| events).sum();
        assert_eq!(events, 20 * 300 + 20);
        for (events, bytes) in &written {
            assert!(*events <= EVENTS_MAX && *bytes <= BYTES_MAX, "{written:?}");
        }
        assert!(written.len() < 12, "batches are far from full: {written:?}");
    });
}

/// The process stops, or its network does, between the write and the commit.
#[test]
fn process_that_stops_in_the_middle_of_a_batch_holds_up_nobody_for_long() {
    block_on(async {
        let database = Database::with_log().await;
        let proxy = Proxy::to(&database.role_url("app")).await;
        let options = PostgresOptions::from_url(&proxy.url()).expect("it is a URL");
        let stopped = open(options.idle_in_transaction_timeout(Duration::from_millis(300))).await;
        let other = open(database.application_options()).await;
        let id = CommandId::new();
        let write = |id| append(vec![event("one", "1")], AppendCondition::default(), id);
        proxy.stall_before("COMMIT");
        let (broken_off, gone_on) =
            tokio::join!(stopped.append(write(Some(id))), other.append(write(None)));
        let gone_on = gone_on.expect("the other one gets the head row in time");
        // Whether it is repeated by itself or by its caller: it is written once.
        if let Err(error) = &broken_off {
            assert!(
                matches!(error, AppendError::Unknown { .. } | AppendError::Unavailable { .. }),
                "{error:?}"
            );
        }
        let repeated = stopped.append(write(Some(id))).await.expect("the network is back");
        assert_eq!(repeated.repeated, broken_off.is_ok());
        let positions = [gone_on.first_position.get(), repeated.first_position.get()];
        assert!(positions == [1, 2] || positions == [2, 1], "{positions:?}");
        assert_eq!(crate::raw::positions(&database.owner().await).await, [1, 2]);
    });
}

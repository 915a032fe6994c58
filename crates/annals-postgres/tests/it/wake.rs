//! News from one process to another.

use std::sync::Arc;

use annals_core::{AppendCondition, EventStore, Position};
use annals_postgres::{PostgresOptions, PostgresStore};

use crate::database::Database;
use crate::hostile::block_on;
use crate::load::{append, event};

async fn open(options: PostgresOptions) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(options).await.expect("the log can be opened"))
}

/// Waiters on one handle, appends on another.
async fn news_arrive(writer: PostgresOptions, reader: PostgresOptions, rounds: u64) {
    let (writer, reader) = (open(writer).await, open(reader).await);
    for round in 0..rounds {
        let known = Position::new(round).expect("it is small");
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let reader = Arc::clone(&reader);
                tokio::spawn(async move { reader.wait_past(known).await })
            })
            .collect();
        let write = append(vec![event("one", "1")], AppendCondition::default(), None);
        let _ = writer.append(write).await.expect("it can be written");
        for waiter in waiters {
            let head = waiter.await.expect("a waiter does not panic").expect("news come");
            assert_eq!(head.get(), round + 1);
        }
        // Whoever comes late is answered at once.
        assert_eq!(reader.wait_past(known).await.expect("it is there").get(), round + 1);
    }
}

#[test]
fn appends_of_another_process_wake_those_who_wait() {
    block_on(async {
        let database = Database::with_log().await;
        news_arrive(database.application_options(), database.application_options(), 40).await;
    });
}

#[test]
fn without_a_ring_news_come_by_polling() {
    block_on(async {
        let database = Database::with_log().await;
        let silent = database.application_options().without_doorbell();
        news_arrive(silent, database.application_options(), 3).await;
    });
}

/// Somebody else rings without there being anything, or with lies.
#[test]
fn ring_is_a_reason_to_look_and_nothing_more() {
    block_on(async {
        let database = Database::with_log().await;
        let reader = open(database.application_options()).await;
        let waiting = tokio::spawn({
            let reader = Arc::clone(&reader);
            async move { reader.wait_past(Position::ZERO).await }
        });
        let liar = database.owner().await;
        for _ in 0..20 {
            crate::database::execute(&liar, "SELECT pg_notify('annals', '1000')").await;
        }
        assert_eq!(reader.head().await.expect("it can be read"), Position::ZERO);
        assert!(!waiting.is_finished(), "woken by a lie");
        let writer = open(database.application_options()).await;
        let write = append(vec![event("one", "1")], AppendCondition::default(), None);
        let _ = writer.append(write).await.expect("it can be written");
        let head = waiting.await.expect("a waiter does not panic").expect("news come");
        assert_eq!(head.get(), 1);
    });
}

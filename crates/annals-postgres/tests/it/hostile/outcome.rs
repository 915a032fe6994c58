//! Lesson 8: the connection is lost after the commit was sent.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, CommandId, EventStore, EventType, Json, NewEvent, Read,
    StreamId,
};
use annals_postgres::{PostgresOptions, PostgresStore};
use uuid::Uuid;

use super::{Verdict, assert_told_apart, block_on, ensure};
use crate::database::Database;
use crate::proxy::Proxy;
use crate::raw::{Attempt, Sql, Writer, positions};

/// A writer commits, does not hear of it, and repeats.
async fn commit_is_not_heard_of(sql: &Sql) -> Verdict {
    let database = Database::with_log().await;
    let attempt = Attempt { command: Some(Uuid::now_v7()), ..Attempt::on("one") };
    let lost = Writer::open(&database, sql).await;
    lost.append_at_once(attempt).await.map_err(|error| error.to_string())?;
    drop(lost);
    let again = Writer::open(&database, sql).await;
    let found = again.append_at_once(attempt).await.map_err(|error| error.to_string())?;
    let written = positions(&database.owner().await).await;
    ensure(written == [1], format!("the log has the positions {written:?}"))?;
    ensure(found.repeated == Some(1), format!("the repeat was told {found:?}"))
}

/// Broke where there is no ledger: the repeat is written a second time.
#[test]
fn repeated_command_is_written_once() {
    let without_ledger = Sql::of_the_store()
        .with_append(
            "WHERE command.command_id = ANY ($9::uuid[])",
            "WHERE command.command_id = ANY ($9::uuid[]) AND false",
        )
        .with_append(
            "SELECT head.position + given.number, given.count, given.command_id",
            "SELECT head.position + given.number, given.count, gen_random_uuid()",
        );
    block_on(async {
        assert_told_apart(
            commit_is_not_heard_of(&Sql::of_the_store()).await,
            commit_is_not_heard_of(&without_ledger).await,
        );
    });
}

fn append(number: u64, id: CommandId) -> Append {
    let stream = StreamId::new("sample", number.to_string()).expect("it is an id");
    let event_type = EventType::new("happened").expect("it is a name");
    let event = NewEvent::new(stream, event_type, 1, Json::empty_object());
    let events = vec![event.expect("it is within the limits")];
    Append::new(events, AppendCondition::default(), Some(id)).expect("it is within the limits")
}

/// The network fails between the commit and its answer, again and again.
#[test]
fn lost_answer_is_an_unknown_outcome_and_repeating_resolves_it() {
    const ROUNDS: u64 = 8;
    block_on(async {
        let database = Database::with_log().await;
        let proxy = Proxy::to(&database.role_url("app")).await;
        let options = PostgresOptions::from_url(&proxy.url()).expect("it is a URL");
        let store = PostgresStore::open(options).await.expect("the log can be opened");
        let store = Arc::new(store);
        for round in 0..ROUNDS {
            let id = CommandId::new();
            proxy.swallow_answers_after("COMMIT");
            let lost = store.append(append(round, id)).await;
            assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
            let repeat = store.append(append(round, id)).await.expect("the server is there");
            assert_eq!(repeat.first_position.get(), round + 1);
            assert!(repeat.repeated, "the first one had been written");
        }
        let page = store.read(Read::all()).await.expect("the log can be read");
        assert_eq!(page.events.len() as u64, ROUNDS);
    });
}

/// The network fails before anything of the commit has reached the server.
#[test]
fn what_the_server_never_heard_is_not_written() {
    block_on(async {
        let database = Database::with_log().await;
        let proxy = Proxy::to(&database.role_url("app")).await;
        let options = PostgresOptions::from_url(&proxy.url()).expect("it is a URL");
        let store = PostgresStore::open(options).await.expect("the log can be opened");
        let id = CommandId::new();
        proxy.swallow_questions_from("BEGIN");
        let lost = store.append(append(0, id)).await;
        // It cannot be told apart from the other case, and must not be called anything else.
        assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
        let repeat = store.append(append(0, id)).await.expect("the server is there");
        assert!(!repeat.repeated, "nothing had been written");
        assert_eq!(positions(&database.owner().await).await, [1]);
    });
}

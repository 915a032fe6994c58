//! Sessions that die, wait or are refused, while the log is being written.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    AppendCondition, AppendError, BoxFuture, CommandId, EventStore, Position, ReadError,
};
use annals_postgres::PostgresStore;
use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::database::{Database, connect, execute};
use crate::hostile::block_on;
use crate::load::{Load, append, append_until_known, assert_log, event};
use crate::own_server;

async fn open(database: &Database) -> Arc<PostgresStore> {
    let store = PostgresStore::open(database.application_options()).await;
    Arc::new(store.expect("the log can be opened"))
}

/// An error with all of its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Every question is answered alike, and told why.
fn assert_closed<T: std::fmt::Debug>(outcome: Result<T, ReadError>, reason: &str) {
    let Err(ReadError::Closed { source }) = outcome else { panic!("{outcome:?}") };
    assert!(source.to_string().contains(reason), "{source}");
}

#[test]
fn stuck_holder_of_the_head_row_is_named() {
    block_on(async {
        let database = Database::with_log().await;
        let options = database.application_options().lock_timeout(Duration::from_millis(400));
        let store = PostgresStore::open(options).await.expect("the log can be opened");
        let holder = database.owner().await;
        execute(&holder, "SET application_name = 'stuck job'; BEGIN").await;
        execute(&holder, "SELECT FROM annals.head FOR UPDATE").await;
        let row = holder.query_one("SELECT pg_backend_pid()", &[]).await.expect("it answers");
        let pid: i32 = row.get(0);
        let id = CommandId::new();
        let events = vec![event("one", "1")];
        let write = || append(events.clone(), AppendCondition::default(), Some(id));
        let error = store.append(write()).await.expect_err("the head row is held");
        assert!(matches!(error, AppendError::Unavailable { .. }), "{error:?}");
        let text = chain(&error);
        assert!(text.contains(&format!("process {pid} (stuck job")), "{text}");
        assert_eq!(store.find_command(id).await.expect("it can be read"), None);
        execute(&holder, "ROLLBACK").await;
        let appended = store.append(write()).await.expect("nobody holds it any more");
        assert!(!appended.repeated);
    });
}

/// Ends sessions of the store, chosen by what they did last, `rounds` times.
async fn disturb(observer: &Client, act: &str, of: &str, rounds: usize) -> usize {
    let statement = format!(
        "SELECT count(*) FILTER (WHERE {act}(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {of}"
    );
    let mut hits = 0;
    for _ in 0..rounds {
        let row = observer.query_one(&statement, &[]).await.expect("the server answers");
        hits += usize::try_from(row.get::<_, i64>(0)).expect("it is small");
        // Time to come back, given by the server: a pause of the tests' own would be none.
        execute(observer, "SELECT pg_sleep(0.02)").await;
    }
    hits
}

const WRITERS: &str = "application_name = 'annals' AND (query LIKE '-- Writes a batch%' \
                       OR query LIKE '-- Waits until no other%' OR query LIKE '-- Begins%' \
                       OR query LIKE 'COMMIT%')";

/// Under load, from two handles, with sessions that are ended or whose statements are cancelled.
async fn load_goes_on(act: &str, of: &str, rounds: usize) {
    let database = Database::with_log().await;
    let observer = database.owner().await;
    let handles = [open(&database).await, open(&database).await];
    let loads: Vec<Load> = handles
        .iter()
        .enumerate()
        .map(|(number, handle)| Load::on(handle, &format!("{act}-{number}"), 6))
        .collect();
    let hits = disturb(&observer, act, of, rounds).await;
    assert!(hits > 0, "nothing was disturbed");
    let mut acknowledged = Vec::new();
    for load in loads {
        acknowledged.extend(load.stop().await);
    }
    assert!(!acknowledged.is_empty());
    assert_log(&observer, &acknowledged).await;
}

#[test]
fn terminated_writers_lose_and_double_nothing() {
    block_on(load_goes_on("pg_terminate_backend", WRITERS, 40));
}

#[test]
fn cancelled_statements_lose_and_double_nothing() {
    block_on(load_goes_on("pg_cancel_backend", WRITERS, 60));
}

#[test]
fn terminated_listeners_cost_delay_and_no_news() {
    block_on(async {
        let database = Database::with_log().await;
        let observer = database.owner().await;
        let (writer, reader) = (open(&database).await, open(&database).await);
        for round in 0..20_u64 {
            let known = Position::new(round).expect("it is small");
            let waiting = tokio::spawn({
                let reader = Arc::clone(&reader);
                async move { reader.wait_past(known).await }
            });
            disturb(&observer, "pg_terminate_backend", "query NOT LIKE '-- Writes%'", 1).await;
            let _ = append_until_known(&*writer, "one", round, CommandId::new()).await;
            let head = waiting.await.expect("a waiter does not panic").expect("news come");
            assert_eq!(head.get(), round + 1);
        }
    });
}

/// The database refuses the content of one append of a batch.
#[test]
fn poisonous_append_fails_alone() {
    const APPENDS: usize = 24;
    block_on(async {
        let database = Database::with_log().await;
        let owner = database.owner().await;
        execute(
            &owner,
            "CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF new.payload::text = '\"poison\"' THEN
                     RAISE EXCEPTION 'poison';
                 END IF;
                 RETURN new;
             END
             $$;
             CREATE TRIGGER poison BEFORE INSERT ON annals.event
                 FOR EACH ROW EXECUTE FUNCTION refuse_poison()",
        )
        .await;
        let store = open(&database).await;
        let appends = (0..APPENDS).map(|number| -> BoxFuture<'_, _> {
            let payload = if number % 8 == 3 { "\"poison\"" } else { "\"good\"" };
            let events = vec![event("shared", payload), event(&number.to_string(), "1")];
            Box::pin(store.append(append(events, AppendCondition::default(), None)))
        });
        let outcomes = join_all(appends).await;
        for (number, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(_) => assert_ne!(number % 8, 3, "poison was written"),
                Err(AppendError::Unavailable { .. }) => {
                    assert_eq!(number % 8, 3, "a neighbour failed: {outcome:?}");
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        let positions = crate::raw::positions(&owner).await;
        assert_eq!(positions, (1..=2 * 21).collect::<Vec<i64>>());
    });
}

/// The server is killed and comes back, again and again, without anybody's help.
#[test]
fn restarts_of_the_server_lose_and_double_nothing() {
    const ROUNDS: usize = 4;
    let Some(server) = own_server::start(&[]) else { return };
    block_on(async {
        let database = Database::on(&server.url()).await;
        let handles = [open(&database).await, open(&database).await];
        let loads: Vec<Load> = handles
            .iter()
            .enumerate()
            .map(|(number, handle)| Load::on(handle, &number.to_string(), 4))
            .collect();
        for round in 0..ROUNDS {
            let written = handles[0].head().await.map_or(Position::ZERO, |head| head.plus(100));
            // Under way again after the restart before.
            while handles[1].wait_past(written).await.is_err() {}
            let mode = if round % 2 == 0 { "immediate" } else { "fast" };
            tokio::task::block_in_place(|| {
                server.stop(mode).expect("it can be stopped");
                server.start_again().expect("it can be started");
            });
        }
        let mut acknowledged = Vec::new();
        for load in loads {
            acknowledged.extend(load.stop().await);
        }
        let session = connect(&database.owner_url()).await;
        assert_log(&session, &acknowledged).await;
    });
}

/// The server comes back from an older copy of its data, as after a failover to a standby that had
/// fallen behind. Other events will stand where acknowledged ones stood.
#[test]
fn log_that_went_back_is_not_worked_with() {
    let Some(server) = own_server::start(&[]) else { return };
    block_on(async {
        let database = Database::on(&server.url()).await;
        let store = open(&database).await;
        let reader = open(&database).await;
        let _ = append_until_known(&*store, "one", 0, CommandId::new()).await;
        let copy = server.data().with_file_name("copy");
        tokio::task::block_in_place(|| {
            server.stop("fast").expect("it can be stopped");
            own_server::copy(&server, &server.data(), &copy);
            server.start_again().expect("it can be started");
        });
        for sequence in 1..4 {
            let _ = append_until_known(&*store, "one", sequence, CommandId::new()).await;
        }
        let page = reader.read(annals_core::Read::all()).await.expect("it can be read");
        assert_eq!(page.events.len(), 4);
        tokio::task::block_in_place(|| {
            server.stop("immediate").expect("it can be stopped");
            own_server::copy(&server, &copy, &server.data());
            server.start_again().expect("it can be started");
        });
        // Who does not know better goes on and skips what now stands at 2, 3 and 4.
        let fresh = open(&database).await;
        for sequence in 1..5 {
            let _ = append_until_known(&*fresh, "one", sequence, CommandId::new()).await;
        }
        let naive = annals_core::Read::all().after(page.through);
        let skipping = fresh.read(naive).await.expect("it can be read");
        assert_eq!(skipping.events.len(), 1, "the broken way would have skipped three events");
        let refused =
            store.append(append(vec![event("two", "1")], AppendCondition::default(), None)).await;
        assert!(matches!(refused, Err(AppendError::Closed { .. })), "{refused:?}");
        let text = chain(&refused.expect_err("it was refused"));
        assert!(text.contains("position 4 was acknowledged or read here"), "{text}");
        for _ in 0..2 {
            let read = reader.read(annals_core::Read::all().after(page.through)).await;
            assert_closed(read, "position 4 was acknowledged or read here");
        }
        let waited = reader.wait_past(page.through).await;
        assert_closed(waited, "position 4 was acknowledged or read here");
        let head = store.head().await;
        assert_closed(head, "position 4 was acknowledged or read here");
        let found = store.find_command(CommandId::new()).await;
        assert_closed(found, "position 4 was acknowledged or read here");
    });
}

/// Nobody confirms a commit. Somebody cancels the wait, upon which the server says that it has
/// committed, and warns.
#[test]
fn commit_that_standbys_did_not_confirm_is_not_acknowledged() {
    let Some(server) = own_server::start(&[]) else { return };
    block_on(async {
        let database = Database::on(&server.url()).await;
        let session = connect(&server.url()).await;
        execute(&session, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
        tokio::task::block_in_place(|| {
            server.stop("fast").expect("it can be stopped");
            server.start_again().expect("it can be started");
        });
        let observer = database.owner().await;
        let store = open(&database).await;
        let id = CommandId::new();
        let write = || append(vec![event("one", "1")], AppendCondition::default(), Some(id));
        for _ in 0..3 {
            let unconfirmed = tokio::spawn({
                let (store, write) = (Arc::clone(&store), write());
                async move { store.append(write).await }
            });
            while !unconfirmed.is_finished() {
                let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                              WHERE wait_event = 'SyncRep'";
                execute(&observer, cancel).await;
            }
            // From the second time on it is a repeat, which the ledger of the primary knows.
            let outcome = unconfirmed.await.expect("the append does not panic");
            assert!(matches!(outcome, Err(AppendError::Unknown { .. })), "{outcome:?}");
            let text = chain(&outcome.expect_err("it is an error"));
            assert!(text.contains("standbys"), "{text}");
        }
        execute(&observer, "ALTER SYSTEM SET synchronous_standby_names = ''").await;
        execute(&observer, "SELECT pg_reload_conf()").await;
        let repeat = store.append(write()).await.expect("nobody has to confirm any more");
        assert!(repeat.repeated);
        assert_eq!(crate::raw::positions(&observer).await, [1]);
    });
}

/// Nobody confirms a commit, and nothing is heard of it.
#[test]
fn commit_without_an_answer_is_unknown_and_who_holds_the_row_is_named() {
    let Some(server) = own_server::start(&[]) else { return };
    block_on(async {
        let database = Database::on(&server.url()).await;
        let session = connect(&server.url()).await;
        execute(&session, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
        tokio::task::block_in_place(|| {
            server.stop("fast").expect("it can be stopped");
            server.start_again().expect("it can be started");
        });
        let options = database
            .application_options()
            .lock_timeout(Duration::from_millis(300))
            .statement_timeout(Duration::from_secs(2));
        let store = PostgresStore::open(options).await.expect("the log can be opened");
        let id = CommandId::new();
        let write = || append(vec![event("one", "1")], AppendCondition::default(), Some(id));
        let silent = store.append(write()).await;
        assert!(matches!(silent, Err(AppendError::Unknown { .. })), "{silent:?}");
        let waiting = store.append(write()).await;
        assert!(matches!(waiting, Err(AppendError::Unavailable { .. })), "{waiting:?}");
        let text = chain(&waiting.expect_err("it is an error"));
        assert!(text.contains("(annals from") && text.contains("head row"), "{text}");
    });
}

//! Lessons 4, 5, 6, 9: what is checked, and when.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, EventQuery, EventStore, EventType, Json, NewEvent,
    Position, QueryItem, Read, StreamId, Tag,
};
use annals_postgres::PostgresStore;
use futures_util::future::join_all;

use super::{Verdict, assert_told_apart, block_on, ensure};
use crate::cluster::Cluster;
use crate::database::{Database, connect, execute};
use crate::own_server;
use crate::raw::{Attempt, Sql, Writer, positions, until_blocked};

/// Two decide on the same; the second waits for the first and must see what it did.
async fn second_waits_for_the_first(sql: &Sql) -> Verdict {
    let database = Database::with_log().await;
    let observer = database.owner().await;
    let (first, second) = (Writer::open(&database, sql).await, Writer::open(&database, sql).await);
    let claim =
        |stream| Attempt { tag: "name:ann", unless: Some(("name:ann", 0)), ..Attempt::on(stream) };
    first.begin().await;
    first.lock().await.map_err(|error| error.to_string())?;
    let written = first.append(claim("first")).await.map_err(|error| error.to_string())?;
    ensure(written.is_written, format!("the first was refused: {written:?}"))?;
    let pid = second.pid().await;
    let second = tokio::spawn(async move {
        second.append_at_once(claim("second")).await.map_err(|error| error.to_string())
    });
    until_blocked(&observer, pid, || second.is_finished()).await;
    first.commit().await.map_err(|error| error.to_string())?;
    let second = second.await.expect("the second writer does not panic")?;
    ensure(
        !second.is_written && second.hits == [1],
        format!("the second was not told what the first did: {second:?}"),
    )
}

/// Broke where the lock is taken in the statement that checks: it keeps the view from before it
/// waited. And where a database's default level keeps one view for the whole transaction.
#[test]
fn what_is_checked_is_newer_than_the_wait_for_the_lock() {
    let of_the_store = Sql::of_the_store();
    let in_one_statement = Sql::of_the_store().without_lock().with_append(
        "    FROM lock\n    CROSS JOIN head\n",
        "    FROM lock\n    CROSS JOIN head\n    \
             CROSS JOIN (SELECT FROM annals.head FOR UPDATE) AS locked\n",
    );
    let mut of_one_view = Sql::of_the_store();
    of_one_view.begin = "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned();
    block_on(async {
        for broken in [in_one_statement, of_one_view] {
            assert_told_apart(
                second_waits_for_the_first(&of_the_store).await,
                second_waits_for_the_first(&broken).await,
            );
        }
    });
}

/// Two create the same aggregate.
async fn two_create_the_same(sql: &Sql) -> Verdict {
    let database = Database::with_log().await;
    let (first, second) = (Writer::open(&database, sql).await, Writer::open(&database, sql).await);
    let create = Attempt { expected: Some(0), ..Attempt::on("new") };
    let first = first.append_at_once(create).await.map_err(|error| error.to_string())?;
    let second = second.append_at_once(create).await.map_err(|error| error.to_string())?;
    ensure(first.is_written, "the first was refused")?;
    ensure(!second.is_written, "both have created it")
}

/// Broke where "must not exist" became "no check".
#[test]
fn must_not_exist_is_checked() {
    let unchecked = Sql::of_the_store()
        .with_append("named.sequence = found", "nullif(named.sequence, 0) = found");
    block_on(async {
        assert_told_apart(
            two_create_the_same(&Sql::of_the_store()).await,
            two_create_the_same(&unchecked).await,
        );
    });
}

/// A process knows where a stream ended after its own last batch; another one has written since.
async fn known_end_is_out_of_date(sql: &Sql) -> Verdict {
    let database = Database::with_log().await;
    let (first, second) = (Writer::open(&database, sql).await, Writer::open(&database, sql).await);
    let at = |expected| Attempt { expected: Some(expected), ..Attempt::on("one") };
    first.append_at_once(at(0)).await.map_err(|error| error.to_string())?;
    let known = Attempt { known: Some((1, 1)), ..at(1) };
    second.append_at_once(at(1)).await.map_err(|error| error.to_string())?;
    let found = first.append_at_once(known).await.map_err(|error| error.to_string())?;
    ensure(!found.is_written, "two have written after the same event")?;
    // With the newest head it is right, and nothing is looked up.
    let known = Attempt { known: Some((2, 2)), ..at(2) };
    let found = first.append_at_once(known).await.map_err(|error| error.to_string())?;
    ensure(found.is_written, format!("what is known was not believed: {found:?}"))
}

/// What a process remembers counts only while the head shows that nobody else has written.
#[test]
fn known_end_of_a_stream_counts_while_nobody_else_writes() {
    let believing =
        Sql::of_the_store().with_append("head.position IS NOT DISTINCT FROM $3::bigint", "$3 > 0");
    block_on(async {
        assert_told_apart(
            known_end_is_out_of_date(&Sql::of_the_store()).await,
            known_end_is_out_of_date(&believing).await,
        );
    });
}

/// Several check, then each of them locks and writes.
async fn all_check_before_any_writes(checks_under_the_lock: bool) -> Verdict {
    const RACERS: usize = 4;
    let database = Database::with_log().await;
    let claim =
        |stream| Attempt { tag: "seat:1", unless: Some(("seat:1", 0)), ..Attempt::on(stream) };
    let mut racers = Vec::new();
    for _ in 0..RACERS {
        racers.push(Writer::open(&database, &Sql::of_the_store()).await);
    }
    for racer in &racers {
        let found = racer.look(claim("seat")).await.map_err(|error| error.to_string())?;
        ensure(found.hits.is_empty(), "it is free as long as nobody has written")?;
    }
    let mut winners = 0;
    for racer in &racers {
        let attempt = if checks_under_the_lock {
            claim("seat")
        } else {
            Attempt { tag: "seat:1", ..Attempt::on("seat") }
        };
        let found = racer.append_at_once(attempt).await.map_err(|error| error.to_string())?;
        winners += usize::from(found.is_written);
    }
    ensure(winners == 1, format!("{winners} of {RACERS} have taken one seat"))
}

/// Broke where the condition is checked before the lock is had.
#[test]
fn condition_is_checked_under_the_lock() {
    block_on(async {
        assert_told_apart(
            all_check_before_any_writes(true).await,
            all_check_before_any_writes(false).await,
        );
    });
}

fn seat_query() -> EventQuery {
    let item = QueryItem::new().tag(Tag::parse("seat:1").expect("it is a tag"));
    EventQuery::any_of([item]).expect("one item is within the limits")
}

fn event(id: &str, tags: &[&str]) -> NewEvent {
    let stream = StreamId::new("sample", id).expect("it is an id");
    let event_type = EventType::new("happened").expect("it is a name");
    let tags = tags.iter().map(|tag| Tag::parse(*tag).expect("it is a tag")).collect();
    NewEvent::new(stream, event_type, 1, Json::empty_object())
        .and_then(|event| event.with_tags(tags))
        .expect("it is within the limits")
}

/// Another decision is written between the reading of the events and the writing of this one.
async fn decision_is_overtaken(
    known: impl AsyncFn(&PostgresStore, Position) -> Position,
) -> Verdict {
    let database = Database::with_log().await;
    let store = PostgresStore::open(database.application_options()).await;
    let store = store.expect("the log can be opened");
    let claim = |id, after| {
        let condition = AppendCondition::default().nothing_new(seat_query(), after);
        Append::new(vec![event(id, &["seat:1"])], condition, None).expect("within the limits")
    };
    let page = store.read(Read::query(seat_query())).await.expect("the log can be read");
    ensure(page.events.is_empty(), "the seat is taken before anybody took it")?;
    let overtaking = store.append(claim("quick", page.through)).await;
    ensure(overtaking.is_ok(), "the first was refused")?;
    let after = known(&store, page.through).await;
    match store.append(claim("slow", after)).await {
        Err(AppendError::ConditionFailed { .. }) => Ok(()),
        other => Err(format!("two have taken one seat: {other:?}")),
    }
}

/// Broke where the position was read after the events instead of with them.
#[test]
fn decision_holds_only_as_far_as_its_page_went() {
    block_on(async {
        assert_told_apart(
            decision_is_overtaken(async |_, through| through).await,
            decision_is_overtaken(async |store, _| {
                store.head().await.expect("the store knows its head")
            })
            .await,
        );
    });
}

/// Racers on several handles, each with sessions of its own, as in several processes.
#[test]
fn of_racers_in_many_processes_one_wins() {
    const HANDLES: usize = 4;
    const RACERS: usize = 8;
    const ROUNDS: usize = 10;
    block_on(async {
        let database = Database::with_log().await;
        let mut handles = Vec::new();
        for _ in 0..HANDLES {
            let handle = PostgresStore::open(database.application_options()).await;
            handles.push(Arc::new(handle.expect("the log can be opened")));
        }
        for round in 0..ROUNDS {
            let known = handles
                .first()
                .expect("there are some")
                .head()
                .await
                .expect("the store knows its head");
            let racers = (0..RACERS).map(|racer| {
                let store = handles.get(racer % HANDLES).expect("the remainder is an index");
                let store = Arc::clone(store);
                let own = StreamId::new("sample", "hot").expect("it is an id");
                let condition = if round % 2 == 0 {
                    AppendCondition::default().nothing_new(seat_query(), known)
                } else {
                    let round = annals_core::Sequence::new(round as u64).expect("it is small");
                    AppendCondition::default().expect_sequence(own, round)
                };
                let append = Append::new(vec![event("hot", &["seat:1"])], condition, None);
                tokio::spawn(async move { store.append(append.expect("within the limits")).await })
            });
            let outcomes = join_all(racers).await;
            let winners = outcomes
                .into_iter()
                .map(|outcome| outcome.expect("a racer does not panic"))
                .filter(Result::is_ok)
                .count();
            assert_eq!(winners, 1, "of {RACERS} racers in round {round}");
        }
        let written = positions(&database.owner().await).await;
        assert_eq!(written, (1..=10).collect::<Vec<i64>>());
    });
}

/// More streams at once than a server has room for locks.
const KEYS: usize = 100_000;

/// One lock for each key, on a server of its own, because its neighbours would get none.
async fn each_key_takes_a_lock(server: &Cluster) -> Verdict {
    let session = connect(&server.url()).await;
    let locks = format!("SELECT pg_advisory_xact_lock(key) FROM generate_series(1, {KEYS}) AS key");
    session.batch_execute(&locks).await.map_err(|error| format!("{:?}", error.code()))
}

async fn many_keys_are_written_at_once() -> Verdict {
    const EVENTS: usize = 1_000;
    let database = Database::with_log().await;
    let store = PostgresStore::open(database.application_options()).await;
    let store = store.expect("the log can be opened");
    let appends = (0..KEYS / EVENTS).map(|part| {
        let events = (0..EVENTS).map(|key| event(&format!("{part}.{key}"), &[])).collect();
        let append = Append::new(events, AppendCondition::default(), None);
        store.append(append.expect("within the limits"))
    });
    let refused = join_all(appends).await.into_iter().find_map(Result::err);
    ensure(refused.is_none(), format!("{refused:?}"))
}

/// Broke where each key of a batch takes a lock: the server's table of locks is full.
#[test]
fn batch_of_many_keys_takes_one_lock() {
    block_on(async {
        let written = many_keys_are_written_at_once().await;
        match own_server::start(&[]) {
            Some(server) => assert_told_apart(written, each_key_takes_a_lock(&server).await),
            None => written.expect("the log takes any number of keys"),
        }
    });
}

/// Somebody cancels the statement that begins, or the lock, and the rest of the pipeline arrives
/// all the same.
async fn append_runs_without_its_transaction(sql: &Sql) -> Verdict {
    let database = Database::with_log().await;
    let writer = Writer::open(&database, sql).await;
    let found = writer.append(Attempt::on("alone")).await.map_err(|error| error.to_string())?;
    ensure(!found.is_locked && !found.is_written, format!("it was written: {found:?}"))?;
    // With the lock of a transaction that is over.
    writer.lock().await.map_err(|error| error.to_string())?;
    let found = writer.append(Attempt::on("alone")).await.map_err(|error| error.to_string())?;
    ensure(!found.is_written, format!("it was written: {found:?}"))
}

/// The statement itself knows whether its transaction has the lock.
#[test]
fn append_without_the_lock_writes_nothing() {
    let trusting = Sql::of_the_store().with_append("AND lock.is_held", "AND true");
    block_on(async {
        assert_told_apart(
            append_runs_without_its_transaction(&Sql::of_the_store()).await,
            append_runs_without_its_transaction(&trusting).await,
        );
    });
}

/// A database whose default level would keep one view for a whole transaction.
#[test]
fn default_level_of_a_database_does_not_matter() {
    block_on(async {
        let database = Database::with_log().await;
        let owner = database.owner().await;
        execute(
            &owner,
            "DO $$ BEGIN EXECUTE format(
                'ALTER DATABASE %I SET default_transaction_isolation = serializable',
                current_database()); END $$",
        )
        .await;
        second_waits_for_the_first_on(&database).await.expect("the level is said at the beginning");
    });
}

async fn second_waits_for_the_first_on(database: &Database) -> Verdict {
    let mut handles = Vec::new();
    for _ in 0..3 {
        let handle = PostgresStore::open(database.application_options()).await;
        handles.push(handle.expect("the log can be opened"));
    }
    for round in 0..20_u64 {
        let known = Position::new(round).expect("it is small");
        let claims = handles.iter().map(|store| {
            let condition = AppendCondition::default().nothing_new(seat_query(), known);
            let append = Append::new(vec![event("hot", &["seat:1"])], condition, None);
            store.append(append.expect("within the limits"))
        });
        let outcomes = join_all(claims).await;
        let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        ensure(winners == 1, format!("{outcomes:?}"))?;
    }
    Ok(())
}

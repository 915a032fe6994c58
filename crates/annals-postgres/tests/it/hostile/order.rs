//! Lessons 1, 2, 7: the order in which events become readable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Client;

use super::{Verdict, assert_told_apart, block_on, ensure};
use crate::database::{Database, execute};
use crate::raw::{Attempt, Sql, Writer, positions, until_blocked};

/// A reader that remembers how far it got.
#[derive(Debug)]
struct Follower<'a> {
    session: &'a Client,
    after: i64,
    seen: Vec<i64>,
    page: String,
}

impl<'a> Follower<'a> {
    fn new(session: &'a Client) -> Self {
        Self::with_page(session, include_str!("../../../src/sql/read_all.sql"))
    }

    fn with_page(session: &'a Client, page: &str) -> Self {
        Self { session, after: 0, seen: Vec::new(), page: page.to_owned() }
    }

    /// Takes a page and moves on as far as it is complete.
    async fn follow(&mut self) {
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&self.after, &i64::MAX, &1_000_i64];
        let rows = self.session.query(&self.page, &values).await.expect("a page can be read");
        let events = rows.iter().filter_map(|row| row.get::<_, Option<i64>>("position"));
        self.seen.extend(events);
        self.after = rows.first().map_or(self.after, |row| row.get("head"));
    }
}

async fn new_log() -> (Database, Client) {
    let database = Database::with_log().await;
    let observer = database.owner().await;
    execute(&observer, "CREATE SEQUENCE annals.numbers").await;
    (database, observer)
}

/// Whoever reads while two appends overlap sees both, in the order in which they were committed.
async fn slow_append_is_overtaken(sql: &Sql) -> Verdict {
    let (database, observer) = new_log().await;
    let (slow, quick) = (Writer::open(&database, sql).await, Writer::open(&database, sql).await);
    let mut follower = Follower::new(&observer);
    slow.begin().await;
    slow.lock().await.map_err(|error| error.to_string())?;
    slow.append(Attempt::on("slow")).await.map_err(|error| error.to_string())?;
    let pid = quick.pid().await;
    let is_done = Arc::new(AtomicBool::new(false));
    let quick = tokio::spawn({
        let is_done = Arc::clone(&is_done);
        async move {
            let found = quick.append_at_once(Attempt::on("quick")).await;
            is_done.store(true, Ordering::SeqCst);
            found.map_err(|error| error.to_string())
        }
    });
    // Either it waits for the slow one, or it is through already.
    until_blocked(&database.owner().await, pid, || is_done.load(Ordering::SeqCst)).await;
    follower.follow().await;
    slow.commit().await.map_err(|error| error.to_string())?;
    quick.await.expect("the quick writer does not panic")?;
    follower.follow().await;
    let written = positions(&observer).await;
    ensure(written == [1, 2], format!("the log has the positions {written:?}"))?;
    ensure(follower.seen == written, format!("a reader saw {:?}", follower.seen))
}

/// Broke wherever positions come from a sequence: the later number is committed first, a reader
/// moves past it, and the earlier one is never read.
#[test]
fn overtaken_append_is_not_lost_to_readers() {
    block_on(async {
        assert_told_apart(
            slow_append_is_overtaken(&Sql::of_the_store()).await,
            slow_append_is_overtaken(&Sql::of_the_store().with_positions_from_a_sequence()).await,
        );
    });
}

/// An append that is rolled back leaves the positions without a hole.
async fn append_is_rolled_back(sql: &Sql) -> Verdict {
    let (database, observer) = new_log().await;
    let writer = Writer::open(&database, sql).await;
    for round in 0..3 {
        writer.begin().await;
        writer.lock().await.map_err(|error| error.to_string())?;
        writer.append(Attempt::on("rolled back")).await.map_err(|error| error.to_string())?;
        writer.rollback().await;
        let stream = format!("kept {round}");
        writer.append_at_once(Attempt::on(&stream)).await.map_err(|error| error.to_string())?;
    }
    let written = positions(&observer).await;
    ensure(written == [1, 2, 3], format!("the log has the positions {written:?}"))
}

/// Broke wherever positions come from a sequence: readers wait for holes that nobody will fill.
#[test]
fn rolled_back_append_leaves_no_hole() {
    block_on(async {
        assert_told_apart(
            append_is_rolled_back(&Sql::of_the_store()).await,
            append_is_rolled_back(&Sql::of_the_store().with_positions_from_a_sequence()).await,
        );
    });
}

/// A transaction elsewhere is open and has written. One that began early appends late.
async fn others_hold_transactions_open(page: &str) -> Verdict {
    let (database, observer) = new_log().await;
    let sql = Sql::of_the_store();
    execute(&observer, "CREATE TABLE elsewhere (number integer)").await;
    let foreign = database.owner().await;
    execute(&foreign, "BEGIN; INSERT INTO elsewhere VALUES (1)").await;
    let early = Writer::open(&database, &sql).await;
    early.begin().await;
    execute(&early.session, "INSERT INTO elsewhere VALUES (2)").await;
    let mut follower = Follower::with_page(&observer, page);
    let writer = Writer::open(&database, &sql).await;
    writer.append_at_once(Attempt::on("one")).await.map_err(|error| error.to_string())?;
    follower.follow().await;
    ensure(follower.seen == [1], format!("beside open transactions {:?}", follower.seen))?;
    early.lock().await.map_err(|error| error.to_string())?;
    early.append(Attempt::on("one")).await.map_err(|error| error.to_string())?;
    early.commit().await.map_err(|error| error.to_string())?;
    writer.append_at_once(Attempt::on("one")).await.map_err(|error| error.to_string())?;
    follower.follow().await;
    ensure(follower.seen == [1, 2, 3], format!("a reader saw {:?}", follower.seen))
}

/// Broke wherever readers stop at the oldest transaction that is still open: anybody's hides new
/// events from everybody.
#[test]
fn transactions_held_open_elsewhere_hide_nothing() {
    let page = include_str!("../../../src/sql/read_all.sql");
    let part = "WHERE event.position > $1::bigint";
    assert!(page.contains(part), "read_all.sql has no {part}");
    let horizon = "WHERE event.xmin::text::bigint \
                       < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
                   AND event.position > $1::bigint";
    block_on(async {
        assert_told_apart(
            others_hold_transactions_open(page).await,
            others_hold_transactions_open(&page.replace(part, horizon)).await,
        );
    });
}

//! Lesson 3: a page is one view of the log.

use tokio_postgres::types::ToSql;

use super::{Verdict, assert_told_apart, block_on, ensure};
use crate::database::{Database, execute};
use crate::raw::{Attempt, Sql, Writer, until_blocked};

/// What the test can hold back in the middle of a statement.
const GATE: &str = "
    CREATE FUNCTION pause() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1);
        RETURN 0;
    END
    $$;
    CREATE FUNCTION late_head() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1);
        RETURN (SELECT max(position) FROM annals.event);
    END
    $$";

/// An event is written while a page is being read, between its rows and its end.
async fn event_comes_in_the_middle_of_a_page(page: &str) -> Verdict {
    let database = Database::with_log().await;
    let (gate, reader) = (database.owner().await, database.owner().await);
    execute(&gate, GATE).await;
    let writer = Writer::open(&database, &Sql::of_the_store()).await;
    writer.append_at_once(Attempt::on("one")).await.map_err(|error| error.to_string())?;
    execute(&gate, "SELECT pg_advisory_lock(1)").await;
    let row = reader.query_one("SELECT pg_backend_pid()", &[]).await;
    let pid: i32 = row.expect("the session answers").get(0);
    let page = page.to_owned();
    let reading = tokio::spawn(async move {
        let values: [&(dyn ToSql + Sync); 3] = [&0_i64, &i64::MAX, &1_000_i64];
        let rows = reader.query(&page, &values).await.expect("a page can be read");
        let head: i64 = rows.first().expect("there is always a row").get("head");
        (rows.iter().filter_map(|row| row.get("position")).collect::<Vec<i64>>(), head)
    });
    until_blocked(&writer.session, pid, || reading.is_finished()).await;
    writer.append_at_once(Attempt::on("two")).await.map_err(|error| error.to_string())?;
    execute(&gate, "SELECT pg_advisory_unlock(1)").await;
    let (seen, through) = reading.await.expect("the reader does not panic");
    let expected: Vec<i64> = (1..=through).collect();
    ensure(seen == expected, format!("a page through {through} holds {seen:?}"))
}

/// Broke where the end of a page came from a volatile function, which sees what is newer than the
/// statement's rows: events between the two were never delivered.
#[test]
fn page_and_its_end_are_of_one_moment() {
    let page = include_str!("../../../src/sql/read_all.sql");
    let part = "head.position AS head";
    assert!(page.contains(part), "read_all.sql has no {part}");
    block_on(async {
        assert_told_apart(
            event_comes_in_the_middle_of_a_page(
                &page.replace(part, "head.position + pause() AS head"),
            )
            .await,
            event_comes_in_the_middle_of_a_page(&page.replace(part, "late_head() AS head")).await,
        );
    });
}

//! How the database gets to the rows.

use tokio_postgres::Client;

use crate::database::{Database, execute};
use crate::hostile::block_on;

macro_rules! statements {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../src/sql/", $name))),)*]
    };
}

/// Every statement that touches a table which grows with the log.
const STATEMENTS: &[(&str, &str)] = statements![
    "append.sql",
    "append_one.sql",
    "check_conditions.sql",
    "event_at.sql",
    "find_command.sql",
    "head.sql",
    "load_snapshot.sql",
    "read_all.sql",
    "read_query.sql",
    "read_stream.sql",
    "save_snapshot.sql",
];

/// Tables that grow.
const TABLES: [&str; 4] = ["event", "event_tag", "command", "snapshot"];

/// A log with few types, one of which is most of it, and few tags: what a planner takes for a
/// reason to read everything.
const FILL: &str = "
    INSERT INTO annals.event
    SELECT n, (n - 1) / 100 + 1, now(), gen_random_uuid(), 1, 'sample', ((n - 1) % 100)::text,
        CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'common' END, '{}', '{}', '{any:tag}'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO annals.event_tag
    SELECT n, CASE WHEN n % 1000 = 0 THEN 'a:rare' ELSE 'any:tag' END, 'common'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO annals.command SELECT n, 1, gen_random_uuid() FROM generate_series(1, 20000) AS n;
    INSERT INTO annals.snapshot
    SELECT 'sample', n::text, 1, 1, gen_random_uuid(), 1, '{}' FROM generate_series(1, 2000) AS n;
    ANALYZE";

/// The plan a session of the store uses for a statement, whatever the values.
async fn plan(session: &Client, statement: &str) -> String {
    let values = (1..).take_while(|number| statement.contains(&format!("${number}"))).count();
    let nulls = vec!["NULL"; values].join(", ");
    let arguments = if values == 0 { String::new() } else { format!("({nulls})") };
    execute(session, &format!("PREPARE planned AS {statement}")).await;
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE planned{arguments}");
    let lines = session.simple_query(&explain).await.expect("it can be planned");
    execute(session, "DEALLOCATE planned").await;
    let line = |message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    lines.into_iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// Tables that the plan reads from end to end.
fn read_whole(plan: &str) -> Vec<&'static str> {
    let is_read = |table: &&str| {
        plan.lines().any(|line| {
            let scan = line.split_once("Seq Scan on ").map(|(_, rest)| rest);
            scan.and_then(|rest| rest.split_whitespace().next()) == Some(*table)
        })
    };
    TABLES.into_iter().filter(is_read).collect()
}

/// A session with the settings of the store's.
async fn session(database: &Database) -> Client {
    let session = database.owner().await;
    let settings = include_str!("../../src/sql/session.sql");
    let timeout = "10000";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&timeout, &timeout, &timeout];
    session.query(settings, &values).await.expect("the settings can be set");
    session
}

#[test]
fn every_statement_goes_by_an_index() {
    block_on(async {
        let database = Database::with_log().await;
        let session = session(&database).await;
        for state in ["empty", "filled"] {
            if state == "filled" {
                execute(&session, FILL).await;
            }
            for (name, statement) in STATEMENTS {
                let plan = plan(&session, statement).await;
                let whole = read_whole(&plan);
                assert!(
                    whole.is_empty(),
                    "{name} on a log that is {state} reads {whole:?}:\n{plan}"
                );
            }
        }
        // The rule can be broken.
        let by_event_id = "SELECT position FROM annals.event WHERE event_id = $1";
        assert_eq!(read_whole(&plan(&session, by_event_id).await), ["event"]);
    });
}

/// Pages come out of their index in order: sorting would read everything that is to come.
#[test]
fn pages_of_the_log_and_of_a_stream_are_not_sorted() {
    block_on(async {
        let database = Database::with_log().await;
        let session = session(&database).await;
        execute(&session, FILL).await;
        for statement in [
            include_str!("../../src/sql/read_all.sql"),
            include_str!("../../src/sql/read_stream.sql"),
        ] {
            let plan = plan(&session, statement).await;
            assert!(!plan.contains("Sort"), "{plan}");
        }
    });
}

/// What a condition costs follows what is new and not the length of the log.
#[test]
fn conditions_read_what_is_new_and_no_more() {
    block_on(async {
        let database = Database::with_log().await;
        let session = session(&database).await;
        execute(&session, FILL).await;
        let conditions = [
            "NULL, '{\"{common}\"}', NULL, NULL",
            "'{\"{any:tag}\"}', NULL, NULL, NULL",
            "'{\"{any:tag,a:rare}\"}', '{\"{rare}\"}', NULL, NULL",
            "NULL, NULL, '{\"{sample}\"}', '{\"{7}\"}'",
            "NULL, '{\"{rare}\"}', '{\"{sample}\"}', '{\"{7}\"}'",
            "NULL, NULL, NULL, NULL",
        ];
        let check = include_str!("../../src/sql/check_conditions.sql");
        execute(&session, &format!("PREPARE planned AS {check}")).await;
        for items in conditions {
            // Shared buffers that are looked at, for a condition on the last ten events.
            let explain = format!(
                "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) \
                 EXECUTE planned('{{1}}', '{{19990}}', '{{t}}', {items})"
            );
            let lines = session.simple_query(&explain).await.expect("it can be run");
            let buffers: u64 = lines.iter().find_map(buffers).expect("it looks at something");
            assert!(buffers < 120, "{buffers} pages for {items}");
        }
    });
}

/// The pages of the first line that tells them, which is that of the whole plan.
fn buffers(message: &tokio_postgres::SimpleQueryMessage) -> Option<u64> {
    let tokio_postgres::SimpleQueryMessage::Row(row) = message else { return None };
    let shared = row.get(0)?.trim().strip_prefix("Buffers: shared ")?;
    Some(
        shared
            .split_whitespace()
            .filter_map(|part| part.split_once('=')?.1.parse::<u64>().ok())
            .sum(),
    )
}

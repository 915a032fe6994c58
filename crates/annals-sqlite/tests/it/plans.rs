//! How SQLite goes about each statement: never through a whole table of events.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;

/// Statement by statement. Those that count whole tables belong to the full check of a log, which
/// reads all of it anyway.
const EXPECTED: &str = "\
command_find: SEARCH command USING PRIMARY KEY (command_id=?)
command_insert:
command_sequences: SEARCH event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)
event_at: SEARCH event USING INTEGER PRIMARY KEY (rowid=?)
event_insert:
event_tag_insert:
head: SEARCH event
last_timestamp: SEARCH event USING INTEGER PRIMARY KEY (rowid=?); SCALAR SUBQUERY 1; SEARCH event
ledger_beyond: SCAN command
log_id: SCAN log
log_page: SEARCH event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)
stream_last: SEARCH event USING INDEX sqlite_autoindex_event_1 (aggregate_type=? AND aggregate_id=?)
stream_page: SEARCH event USING INDEX sqlite_autoindex_event_1 \
(aggregate_type=? AND aggregate_id=? AND sequence>?)
stream_position: SEARCH event USING COVERING INDEX sqlite_autoindex_event_1 \
(aggregate_type=? AND aggregate_id=? AND sequence=?)
stream_positions: SEARCH event USING COVERING INDEX sqlite_autoindex_event_1 \
(aggregate_type=? AND aggregate_id=? AND sequence>?)
tag_count: SCAN event_tag
tag_is_entered: SCAN CONSTANT ROW; SCALAR SUBQUERY 1; \
SEARCH event_tag USING PRIMARY KEY (tag=? AND position=?)
tag_positions: SEARCH event_tag USING PRIMARY KEY (tag=? AND position>? AND position<?)
";

#[test]
fn no_statement_goes_through_all_events() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql");
    let log = Connection::open_in_memory().unwrap();
    log.execute_batch(&fs::read_to_string(folder.join("schema.sql")).unwrap()).unwrap();
    let mut plans = BTreeMap::new();
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".sql") else {
            continue;
        };
        let sql = fs::read_to_string(&path).unwrap();
        let statement = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>();
        let verb = statement.first().and_then(|line| line.split([' ', '\n']).next()).unwrap();
        if !["SELECT", "INSERT"].contains(&verb) || ["file_bytes", "objects"].contains(&name) {
            continue;
        }
        if name.starts_with("snapshot") {
            continue;
        }
        plans.insert(name.to_owned(), plan(&log, &statement.join("\n")));
    }
    let found: Vec<String> = plans
        .iter()
        .map(|(name, plan)| format!("{name}: {plan}").trim_end().to_owned() + "\n")
        .collect();
    assert_eq!(found.concat(), EXPECTED);
    for line in EXPECTED.lines() {
        let is_scan = line.contains("SCAN event;") || line.ends_with("SCAN event");
        assert!(!is_scan, "{line}");
    }
}

fn plan(log: &Connection, statement: &str) -> String {
    let mut explain = log.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    let parameters = vec![rusqlite::types::Null; explain.parameter_count()];
    let steps = explain
        .query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3))
        .unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

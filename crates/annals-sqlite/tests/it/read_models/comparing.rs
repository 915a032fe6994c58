//! Comparing tables of any shape.

use std::sync::Arc;

use annals_core::{
    BoxError, Checkpoint, Comparison, EventEnvelope, Generations, Hosts, IfBehind, NewGeneration,
    Projection, ReadModelsError,
};
use annals_sqlite::SqliteProjection;
use annals_sqlite::rusqlite::Connection;

use super::scene::{Added, Balances, Scene, at, sums};

/// Makes tables and rows as a text says.
struct Script(&'static str);

impl Projection for Script {
    const NAME: &'static str = "script";
    const VERSION: u32 = 1;
    type Event = Added;
    type Changes = ();

    fn project(&self, _: EventEnvelope<Added>, (): &mut ()) -> Result<(), BoxError> {
        Ok(())
    }
}

impl SqliteProjection for Script {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        Ok(tables.execute_batch(self.0)?)
    }

    fn write(&self, _: &Connection, (): &()) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Compares a serving generation of one script with one of another.
async fn compare(one: &'static str, other: &'static str) -> Result<Comparison, ReadModelsError> {
    let scene = Scene::new();
    let new = NewGeneration { log_id: annals_core::LogId::new() };
    let serving = scene.models.create(Arc::new(Script(one)), new.clone()).await.unwrap().key;
    scene.models.switch(&serving, IfBehind::Refuse).await.unwrap();
    let other = scene.models.create(Arc::new(Script(other)), new).await.unwrap().key;
    let compared = scene.models.compare(&serving, &other).await?;
    Ok(compared.expect("both are at the start"))
}

#[tokio::test]
async fn equal_tables_of_any_shape_are_equal() {
    let script = r#"
        CREATE TABLE "an ""odd"" name" ("a key" BLOB, "b" REAL, c TEXT, PRIMARY KEY (c, "a key"));
        INSERT INTO "an ""odd"" name" VALUES
            (x'00', 1.5, 'x'), (x'', NULL, 'x'), (NULL, -0.25, ''), (x'ff', 9e99, 'X');
        CREATE TABLE folded (name TEXT COLLATE NOCASE PRIMARY KEY, n INTEGER);
        INSERT INTO folded VALUES ('b', 1), ('A', 2), ('C', NULL);
        CREATE TABLE mixed (value ANY PRIMARY KEY) STRICT, WITHOUT ROWID;
        INSERT INTO mixed VALUES
            (9007199254740993), (9007199254740992.0), ('1'), (x'31'), (2), (1.5), (-1e300);
        CREATE TABLE made (id INTEGER PRIMARY KEY, twice INTEGER AS (id * 2));
        INSERT INTO made (id) VALUES (1), (-5);
        CREATE VIRTUAL TABLE words USING fts5(body);
        INSERT INTO words VALUES ('derived from the rows beside it');
        CREATE VIEW seen AS SELECT id FROM made;
        CREATE TABLE empty (id INTEGER PRIMARY KEY);
    "#;
    let comparison = compare(script, script).await.unwrap();
    let names: Vec<_> = comparison.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["an \"odd\" name", "empty", "folded", "made", "mixed"]);
    assert!(comparison.is_equal(), "{comparison:?}");
    assert_eq!(comparison.tables[4].rows, (7, 7));
}

#[tokio::test]
async fn every_kind_of_difference_is_named_by_its_key() {
    let one = "CREATE TABLE t (a TEXT, b INTEGER, v ANY, PRIMARY KEY (b, a)) STRICT;
        INSERT INTO t VALUES ('x', 1, 1), ('y', 1, 1), ('z', 2, NULL), ('o', 3, '1'), ('s', 4, 0);";
    let other = "CREATE TABLE t (a TEXT, b INTEGER, v ANY, PRIMARY KEY (b, a)) STRICT;
        INSERT INTO t VALUES ('y', 1, 2), ('z', 2, 0), ('o', 3, 1), ('s', 4, 0), ('n', 5, 1);";
    let comparison = compare(one, other).await.unwrap();
    let table = &comparison.tables[0];
    assert!(!table.is_equal());
    assert_eq!(table.differing_keys, ["1, x", "1, y", "2, z", "3, o", "5, n"]);
}

/// Without lengths and types between the values, these rows would have one digest.
#[tokio::test]
async fn digests_tell_rows_apart_that_look_alike_when_joined() {
    let table = "CREATE TABLE t (k INTEGER PRIMARY KEY, a ANY, b ANY) STRICT;";
    let shapes = ["('ab', 'c')", "('a', 'bc')", "('abc', NULL)", "(x'6162', 'c')", "(NULL, 'abc')"];
    let mut digests = std::collections::BTreeSet::new();
    for shape in shapes {
        let rows = format!("{table} INSERT INTO t VALUES (1, {}", &shape[1..]);
        let script: &'static str = rows.leak();
        digests.insert(compare(script, script).await.unwrap().tables[0].digests.0.clone());
    }
    assert_eq!(digests.len(), shapes.len());
}

#[tokio::test]
async fn a_hundred_keys_at_most_are_named() {
    let one = "CREATE TABLE t (k INTEGER PRIMARY KEY);";
    let other = "CREATE TABLE t (k INTEGER PRIMARY KEY);
        WITH RECURSIVE n (k) AS (VALUES (1) UNION ALL SELECT k + 1 FROM n WHERE k < 250)
        INSERT INTO t SELECT k FROM n;";
    let comparison = compare(one, other).await.unwrap();
    let table = &comparison.tables[0];
    assert_eq!((table.rows, table.differing_keys.len()), ((0, 250), 100));
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_with_the_reason() {
    let keyed = "CREATE TABLE t (k INTEGER PRIMARY KEY)";
    for (one, other, reason) in [
        ("CREATE TABLE t (k INTEGER)", "CREATE TABLE t (k INTEGER)", "no primary key"),
        (keyed, "CREATE TABLE t (k TEXT PRIMARY KEY)", "other columns"),
        (keyed, "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)", "other columns"),
        (keyed, "CREATE TABLE u (k INTEGER PRIMARY KEY)", "different tables"),
    ] {
        let refused = compare(one, other).await;
        let Err(ReadModelsError::Refused { reason: given }) = refused else {
            panic!("{other}: {refused:?}")
        };
        assert!(given.contains(reason), "{other}: {given}");
    }
}

/// Partitions at different places have rows of no place at all.
#[tokio::test]
async fn generations_are_compared_only_at_one_position() {
    let scene = Scene::new();
    let mut leases = scene.serving().await;
    let serving = leases[0].generation.clone();
    let other = scene.create().await.key;
    let mut newer = scene.claim(&other, annals_core::WorkerId::new()).await;
    let compared = async || scene.models.compare(&serving, &other).await.unwrap();
    assert!(compared().await.is_some_and(|comparison| comparison.is_equal()));
    let step = async |leases: &mut [annals_core::Lease], to: Checkpoint| {
        scene.apply(leases, sums(&[("ann", 1)]), to).await.unwrap();
    };
    step(&mut leases, at(1)).await;
    assert_eq!(compared().await, None, "one is ahead");
    step(&mut newer[..2], at(1)).await;
    assert_eq!(compared().await, None, "two partitions of four are behind");
    step(&mut newer[2..], at(1)).await;
    let comparison = compared().await.expect("both are at 1");
    assert_eq!(comparison.position, at(1).position);
    assert_eq!(comparison.tables[0].differing_keys, ["ann"], "written twice over there");
    assert_eq!(Balances::NAME, serving.projection);
}

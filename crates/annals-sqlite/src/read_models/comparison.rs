//! Comparing two generations row by row.

use std::cmp::Ordering;

use annals_core::{Comparison, Position, TableComparison};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Rows};
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::row;

/// Keys named of rows that differ, for each table: enough to see what they have in common.
const DIFFERING_KEYS_MAX: usize = 100;

/// Compares all tables of two generations, each in the view that begins here; `None` if they are
/// not at the same position.
pub(super) fn compare(
    serving: &Connection,
    other: &Connection,
) -> Result<Option<Comparison>, Fault> {
    let (Some(position), Some(there)) = (only_position(serving)?, only_position(other)?) else {
        return Ok(None);
    };
    if position != there {
        return Ok(None);
    }
    let (names, names_there) = (tables(serving)?, tables(other)?);
    if names != names_there {
        return Err(Fault::refused(format!(
            "the generations have different tables, {} and {}: raise the version without saying \
             that it is the same",
            names.join(", "),
            names_there.join(", ")
        )));
    }
    let compare = |name: &String| compare_table(serving, other, name);
    let tables = names.iter().map(compare).collect::<Result<_, _>>()?;
    Ok(Some(Comparison { position, tables }))
}

/// The position of all partitions; `None` if they are at different ones, where the tables are those
/// of no position at all.
fn only_position(file: &Connection) -> rusqlite::Result<Option<Position>> {
    let sql = include_str!("../sql/read_models/position_range.sql");
    let range = |row: &rusqlite::Row<'_>| Ok((row::position(row, 0)?, row::position(row, 1)?));
    let (lowest, highest) = file.prepare_cached(sql)?.query_row([], range)?;
    Ok((lowest == highest).then_some(lowest))
}

fn tables(file: &Connection) -> rusqlite::Result<Vec<String>> {
    file.prepare_cached(include_str!("../sql/read_models/tables.sql"))?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// A column: its name, its type, and its place in the primary key or 0.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    key_place: i64,
}

fn columns(file: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    file.prepare_cached(include_str!("../sql/read_models/columns.sql"))?
        .query_map([table], |row| {
            Ok(Column { name: row.get(0)?, kind: row.get(1)?, key_place: row.get(2)? })
        })?
        .collect()
}

fn compare_table(
    serving: &Connection,
    other: &Connection,
    table: &str,
) -> Result<TableComparison, Fault> {
    let mut columns = columns(serving, table)?;
    if columns != self::columns(other, table)? {
        return Err(Fault::refused(format!("the table {table} has other columns there")));
    }
    let keys = columns.iter().filter(|column| column.key_place > 0).count();
    if keys == 0 {
        return Err(Fault::refused(format!(
            "the table {table} has no primary key, so its rows cannot be compared"
        )));
    }
    // The key first, in its order.
    columns.sort_by_key(|column| if column.key_place > 0 { column.key_place } else { i64::MAX });
    let sql = rows_in_order(table, &columns, keys);
    let (mut left, mut right) = (serving.prepare(&sql)?, other.prepare(&sql)?);
    let width = columns.len();
    let (left, right) = (Side::new(left.query([])?, width), Side::new(right.query([])?, width));
    Ok(merge(table, left, right, keys)?)
}

/// The statement that gives all rows by primary key.
fn rows_in_order(table: &str, columns: &[Column], keys: usize) -> String {
    let names = |columns: &[Column], suffix: &str| {
        let names = columns.iter().map(|column| format!("{}{suffix}", quoted(&column.name)));
        names.collect::<Vec<_>>().join(", ")
    };
    let key = columns.get(..keys).unwrap_or_default();
    include_str!("../sql/read_models/table_rows.sql")
        .replace("{key}", &names(key, " COLLATE BINARY"))
        .replace("{columns}", &names(columns, ""))
        .replace("{table}", &quoted(table))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows of one generation, with the row to look at next.
struct Side<'a> {
    rows: Rows<'a>,
    width: usize,
    count: u64,
    digest: Sha256,
}

impl<'a> Side<'a> {
    fn new(rows: Rows<'a>, width: usize) -> Self {
        Self { rows, width, count: 0, digest: Sha256::new() }
    }

    /// The next row, which is counted into the digest.
    fn next(&mut self) -> rusqlite::Result<Option<Vec<Value>>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let mut values = Vec::with_capacity(self.width);
        for column in 0..self.width {
            take_in(&mut self.digest, row.get_ref(column)?);
            values.push(row.get(column)?);
        }
        self.count += 1;
        Ok(Some(values))
    }

    fn finish(self) -> (u64, String) {
        let digest = self.digest.finalize();
        (self.count, digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Type and length go before the bytes, so that no two rows look the same.
fn take_in(digest: &mut Sha256, value: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => (1, &number.to_be_bytes()),
        ValueRef::Real(number) => (2, &number.to_be_bytes()),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    digest.update([kind]);
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

/// Goes through both sides at once, in the order of the keys.
fn merge(
    table: &str,
    mut left: Side<'_>,
    mut right: Side<'_>,
    keys: usize,
) -> rusqlite::Result<TableComparison> {
    let mut differing_keys = Vec::new();
    let (mut here, mut there) = (left.next()?, right.next()?);
    loop {
        let order = match (&here, &there) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(here), Some(there)) => compare_keys(here, there, keys),
        };
        let row = if order.is_gt() { &there } else { &here };
        if (order.is_ne() || here != there) && differing_keys.len() < DIFFERING_KEYS_MAX {
            differing_keys.extend(row.as_deref().map(|row| key_text(row, keys)));
        }
        if order.is_le() {
            here = left.next()?;
        }
        if order.is_ge() {
            there = right.next()?;
        }
    }
    let ((rows, digest), (rows_there, digest_there)) = (left.finish(), right.finish());
    Ok(TableComparison {
        table: table.to_owned(),
        rows: (rows, rows_there),
        digests: (digest, digest_there),
        differing_keys,
    })
}

fn compare_keys(here: &[Value], there: &[Value], keys: usize) -> Ordering {
    let mut orders = here.iter().zip(there).take(keys).map(|(here, there)| order(here, there));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The order in which SQLite sorts values.
fn order(here: &Value, there: &Value) -> Ordering {
    match (here, there) {
        (Value::Integer(here), Value::Integer(there)) => here.cmp(there),
        (Value::Real(here), Value::Real(there)) => here.total_cmp(there),
        (Value::Integer(here), Value::Real(there)) => order_mixed(*here, *there),
        (Value::Real(here), Value::Integer(there)) => order_mixed(*there, *here).reverse(),
        (Value::Text(here), Value::Text(there)) => here.cmp(there),
        (Value::Blob(here), Value::Blob(there)) => here.cmp(there),
        _ => rank(here).cmp(&rank(there)),
    }
}

/// A whole number against any other, exactly: beyond 2^53 one does not fit into the other.
fn order_mixed(whole: i64, real: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real >= BEYOND {
        return Ordering::Less;
    }
    if real < -BEYOND {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it lies between the two bounds above")]
    let below = real.floor() as i64;
    whole.cmp(&below).then(if real > real.floor() { Ordering::Less } else { Ordering::Equal })
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    }
}

fn key_text(row: &[Value], keys: usize) -> String {
    let text = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    row.iter().take(keys).map(text).collect::<Vec<_>>().join(", ")
}

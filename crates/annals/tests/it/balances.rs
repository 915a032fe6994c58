//! A read model that notices every event that is missing, doubled or out of order.

use std::collections::BTreeMap;

use annals::sqlite::SqliteProjection;
use annals::sqlx::PostgresProjection;
use annals::{
    Append, AppendCondition, BoxError, DomainEvent, EventEnvelope, EventStore, Json, Projection,
    Read, StreamId, codec,
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
pub(crate) enum Event {
    Moved { amount: i64 },
}

/// The balance of each account, and the sequence of the last event that is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Balances;

/// What some successive events of an account change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moves {
    first: i64,
    last: i64,
    amount: i64,
}

impl Balances {
    pub(crate) const NAME: &'static str = "balances";
}

impl Projection for Balances {
    const NAME: &'static str = Balances::NAME;
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = Event;
    type Changes = BTreeMap<String, Moves>;

    fn project(
        &self,
        event: EventEnvelope<Event>,
        changes: &mut Self::Changes,
    ) -> Result<(), BoxError> {
        let Event::Moved { amount } = event.event;
        let sequence = event.sequence.as_i64();
        let id = event.stream.aggregate_id().to_owned();
        let moves =
            changes.entry(id).or_insert(Moves { first: sequence, last: sequence - 1, amount: 0 });
        if sequence != moves.last + 1 {
            return Err(format!("{} follows {}", event.sequence, moves.last).into());
        }
        (moves.last, moves.amount) = (sequence, moves.amount + amount);
        Ok(())
    }
}

/// The row of an account was not there, or not as the events before leave it.
fn misplaced(id: &str, moves: Moves) -> BoxError {
    format!("{id} is not at sequence {}", moves.first - 1).into()
}

const TABLE: &str =
    "CREATE TABLE balance (id text PRIMARY KEY, amount bigint NOT NULL, last bigint NOT NULL)";

impl SqliteProjection for Balances {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        Ok(tables.execute_batch(TABLE)?)
    }

    fn write(&self, tables: &Connection, changes: &Self::Changes) -> Result<(), BoxError> {
        let mut begin = tables.prepare_cached(
            "INSERT OR IGNORE INTO balance (id, amount, last) VALUES (?1, ?2, ?3)",
        )?;
        let mut go_on = tables.prepare_cached(
            "UPDATE balance SET amount = amount + ?2, last = ?3 WHERE id = ?1 AND last = ?4 - 1",
        )?;
        for (id, moves) in changes {
            let Moves { first, last, amount } = *moves;
            let written = match first {
                1 => begin.execute(params![id, amount, last])?,
                _ => go_on.execute(params![id, amount, last, first])?,
            };
            if written != 1 {
                return Err(misplaced(id, *moves));
            }
        }
        Ok(())
    }
}

impl PostgresProjection for Balances {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(TABLE).execute(tables).await?;
        Ok(())
    }

    async fn write(
        &self,
        tables: &mut PgConnection,
        changes: &Self::Changes,
    ) -> Result<(), BoxError> {
        let ids: Vec<&str> = changes.keys().map(String::as_str).collect();
        let of = |part: fn(&Moves) -> i64| changes.values().map(part).collect::<Vec<i64>>();
        let (firsts, lasts, amounts) =
            (of(|moves| moves.first), of(|moves| moves.last), of(|moves| moves.amount));
        let written: i64 = sqlx::query_scalar(
            "WITH given AS (
                SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
                    AS given (id, first, last, amount)
            ), begun AS (
                INSERT INTO balance (id, amount, last)
                SELECT id, amount, last FROM given WHERE first = 1
                ON CONFLICT DO NOTHING
                RETURNING 1
            ), gone_on AS (
                UPDATE balance SET amount = balance.amount + given.amount, last = given.last
                FROM given
                WHERE balance.id = given.id AND given.first > 1 AND balance.last = given.first - 1
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM begun) + (SELECT count(*) FROM gone_on)",
        )
        .bind(ids)
        .bind(firsts)
        .bind(lasts)
        .bind(amounts)
        .fetch_one(tables)
        .await?;
        if written == i64::try_from(changes.len())? {
            return Ok(());
        }
        Err("a row is not as the events before leave it".into())
    }
}

/// What the rows must be: the amount and the last sequence of each account.
pub(crate) type Rows = BTreeMap<String, (i64, i64)>;

pub(crate) async fn fold(store: &dyn EventStore) -> Rows {
    let (mut rows, mut read) = (Rows::new(), Read::all().limit(usize::MAX));
    loop {
        let page = store.read(read.clone()).await.unwrap();
        for event in page.events {
            let Event::Moved { amount } = codec::decode(&event).unwrap();
            let row = rows.entry(event.stream.aggregate_id().to_owned()).or_default();
            *row = (row.0 + amount, event.sequence.as_i64());
        }
        if !page.has_more {
            return rows;
        }
        read = read.after(page.through);
    }
}

/// Moves these amounts, all in one append.
pub(crate) async fn append(store: &dyn EventStore, amounts: &[(String, i64)]) {
    let events = amounts.iter().map(|(id, amount)| {
        let stream = StreamId::new("account", id.as_str()).unwrap();
        codec::encode(&stream, &Event::Moved { amount: *amount }, &Json::empty_object()).unwrap()
    });
    let append = Append::new(events.collect(), AppendCondition::default(), None).unwrap();
    let _ = store.append(append).await.unwrap();
}

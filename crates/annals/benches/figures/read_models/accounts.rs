//! The read model that is measured: a row for each account.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use annals::sqlite::SqliteProjection;
use annals::sqlx::PostgresProjection;
use annals::{BoxError, EventEnvelope, Projection};
use rusqlite::{Connection, params};
use sqlx::PgConnection;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::clients::account_id;
use crate::database;
use crate::domain::Event;

pub(super) struct Accounts;

impl Accounts {
    pub(super) const NAME: &'static str = "accounts";
}

/// What some events change of an account.
#[derive(Default)]
pub(super) struct Change {
    owner_name: Option<String>,
    amount: i64,
}

const TABLE: &str = "
    CREATE TABLE account (id text PRIMARY KEY, owner_name text NOT NULL, balance bigint NOT NULL)";

impl Projection for Accounts {
    const NAME: &'static str = Accounts::NAME;
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = Event;
    type Changes = BTreeMap<String, Change>;

    fn project(
        &self,
        event: EventEnvelope<Event>,
        changes: &mut Self::Changes,
    ) -> Result<(), BoxError> {
        let id = event.stream.aggregate_id();
        if !changes.contains_key(id) {
            changes.insert(id.to_owned(), Change::default());
        }
        let Some(change) = changes.get_mut(id) else { return Ok(()) };
        match event.event {
            Event::AccountOpened { owner_name, initial_balance } => {
                change.owner_name = Some(owner_name);
                change.amount += initial_balance;
            }
            Event::MoneyDeposited { amount, .. } => change.amount += amount,
            Event::MoneyWithdrawn { amount, .. } => change.amount -= amount,
        }
        Ok(())
    }
}

impl SqliteProjection for Accounts {
    fn create(&self, tables: &Connection) -> Result<(), BoxError> {
        Ok(tables.execute_batch(TABLE)?)
    }

    fn write(&self, tables: &Connection, changes: &Self::Changes) -> Result<(), BoxError> {
        let mut open = tables
            .prepare_cached("INSERT INTO account (id, owner_name, balance) VALUES (?1, ?2, ?3)")?;
        let mut pay =
            tables.prepare_cached("UPDATE account SET balance = balance + ?2 WHERE id = ?1")?;
        for (id, change) in changes {
            match &change.owner_name {
                Some(owner_name) => open.execute(params![id, owner_name, change.amount])?,
                None => pay.execute(params![id, change.amount])?,
            };
        }
        Ok(())
    }
}

impl PostgresProjection for Accounts {
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
        let owner_names: Vec<Option<&str>> =
            changes.values().map(|change| change.owner_name.as_deref()).collect();
        let amounts: Vec<i64> = changes.values().map(|change| change.amount).collect();
        sqlx::query(
            "WITH given AS (
                SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
                    AS given (id, owner_name, amount)
            ), opened AS (
                INSERT INTO account (id, owner_name, balance)
                SELECT id, owner_name, amount FROM given WHERE owner_name IS NOT NULL
            )
            UPDATE account SET balance = balance + given.amount
            FROM given
            WHERE account.id = given.id AND given.owner_name IS NULL",
        )
        .bind(ids)
        .bind(owner_names)
        .bind(amounts)
        .execute(tables)
        .await?;
        Ok(())
    }
}

/// Rows of a `COPY`: enough that its flush does not matter.
const COPY_ROWS: u32 = 100_000;

/// Rows per second of a binary `COPY` into the same table.
pub(super) async fn copy_limit(server: &str) -> anyhow::Result<f64> {
    let session = database::connect(&database::create(server, "annals_bench_read").await?).await?;
    session.batch_execute(TABLE).await?;
    let start = Instant::now();
    let sink = session.copy_in("COPY account FROM STDIN BINARY").await?;
    let types = [Type::TEXT, Type::TEXT, Type::INT8];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for number in 0..COPY_ROWS {
        let id = account_id(usize::try_from(number)?);
        writer.as_mut().write(&[&id, &"Alice", &100_i64]).await?;
    }
    writer.finish().await?;
    Ok(f64::from(COPY_ROWS) / start.elapsed().as_secs_f64())
}

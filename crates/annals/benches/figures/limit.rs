//! The limits of the server: what it does with our rows when nothing is asked of it but to keep
//! them.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use annals::DomainEvent;
use annals::postgres::{PostgresOptions, migrate};
use chrono::Utc;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use crate::clients;
use crate::database::{Pool, connect};
use crate::domain::Event;

/// Sessions at most. More clients share them, as they would with any pool.
const SESSIONS_MAX: usize = 64;

/// Rows of a `COPY`: enough that its flush does not matter.
const COPY_ROWS: usize = 10_000;

/// The columns and indexes of our events, without our triggers.
const TABLE: &str = "CREATE TABLE bare (LIKE annals.event INCLUDING ALL)";

/// JSON goes over the wire as the text it is.
const INSERT: &str = "
    INSERT INTO bare (position, sequence, timestamp, event_id, event_version, aggregate_type,
                      aggregate_id, event_type, payload, metadata, tags)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::json, $10::text::json, NULL)";
const COPY: &str = "
    COPY bare (position, sequence, timestamp, event_id, event_version, aggregate_type,
               aggregate_id, event_type, payload, metadata)
    FROM STDIN BINARY";
const TYPES: [Type; 10] = [
    Type::INT8,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::INT4,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
];

/// A table like ours, written to without any rule.
pub(crate) struct Limit {
    sessions: Pool<(Client, Statement)>,
    last_position: AtomicI64,
    event_type: &'static str,
    payload: String,
}

impl Limit {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Arc<Self>> {
        migrate(&PostgresOptions::from_url(url)?).await?;
        connect(url).await?.batch_execute(TABLE).await?;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS_MAX {
            let client = connect(url).await?;
            let insert = client.prepare(INSERT).await?;
            sessions.push((client, insert));
        }
        let event = Event::deposit();
        Ok(Arc::new(Self {
            sessions: Pool::new(sessions),
            last_position: AtomicI64::new(0),
            event_type: event.kind().name,
            payload: event.write_payload()?,
        }))
    }

    /// Prepared inserts of one row per second, each a transaction.
    pub(crate) async fn inserts(
        self: &Arc<Self>,
        clients: usize,
        time: Duration,
    ) -> anyhow::Result<f64> {
        let limit = Arc::clone(self);
        let insert = move |_, random| {
            let limit = Arc::clone(&limit);
            let account = clients::account_id(usize::try_from(random % 10_000).unwrap_or(0));
            Box::pin(async move { limit.insert(&account).await }) as _
        };
        Ok(clients::run(clients, time, Arc::new(insert)).await?.per_second)
    }

    async fn insert(&self, account: &str) -> anyhow::Result<()> {
        let (position, now, id) = self.row();
        let row: [&(dyn ToSql + Sync); 10] = [
            &position,
            &position,
            &now,
            &id,
            &1_i32,
            &"account",
            &account,
            &self.event_type,
            &self.payload,
            &"{}",
        ];
        let session = self.sessions.lend().await;
        session.0.execute(&session.1, &row).await?;
        Ok(())
    }

    /// Rows per second of a binary `COPY`.
    pub(crate) async fn copy(&self) -> anyhow::Result<f64> {
        let session = self.sessions.lend().await;
        let start = Instant::now();
        let sink = session.0.copy_in(COPY).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
        for number in 0..COPY_ROWS {
            let (position, now, id) = self.row();
            let account = clients::account_id(number);
            let row: [&(dyn ToSql + Sync); 10] = [
                &position,
                &position,
                &now,
                &id,
                &1_i32,
                &"account",
                &account,
                &self.event_type,
                &self.payload,
                &"{}",
            ];
            writer.as_mut().write(&row).await?;
        }
        writer.finish().await?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rows = COPY_ROWS as f64;
        Ok(rows / start.elapsed().as_secs_f64())
    }

    /// What differs from row to row.
    fn row(&self) -> (i64, chrono::DateTime<Utc>, Uuid) {
        let position = self.last_position.fetch_add(1, Ordering::Relaxed) + 1;
        (position, Utc::now(), Uuid::now_v7())
    }
}

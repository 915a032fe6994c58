//! What a tutorial does with sqlx: load, decide and insert with the next sequence, in one
//! transaction.

use annals::{Aggregate, BoxFuture, DomainEvent};
use futures_util::TryStreamExt;
use sqlx::{PgConnection, PgPool};

use super::{Peer, count, event, is_lost_race, pool};
use crate::domain::{Account, Command, Event};

pub(super) struct Naive {
    pool: PgPool,
}

const SCHEMA: [&str; 1] = ["
    CREATE TABLE IF NOT EXISTS event (
        position BIGSERIAL PRIMARY KEY,
        aggregate_type TEXT NOT NULL,
        aggregate_id TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        event_type TEXT NOT NULL,
        event_version INTEGER NOT NULL,
        payload JSONB NOT NULL,
        metadata JSONB NOT NULL,
        timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
        UNIQUE (aggregate_type, aggregate_id, sequence)
    )"];
const LOAD: &str = "
    SELECT sequence, event_type, payload::text FROM event
    WHERE aggregate_type = 'account' AND aggregate_id = $1 ORDER BY sequence";
const INSERT: &str = "
    INSERT INTO event (aggregate_type, aggregate_id, sequence, event_type, event_version,
                       payload, metadata)
    VALUES ('account', $1, $2, $3, 1, $4::text::jsonb, '{}')";
const SCAN: &str = "SELECT event_type, payload::text FROM event ORDER BY position";

impl Naive {
    pub(super) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&pool).await?;
        }
        Ok(Self { pool })
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: &str, command: Command) -> anyhow::Result<bool> {
        loop {
            let mut transaction = self.pool.begin().await?;
            let (state, mut sequence) = load(&mut transaction, id).await?;
            let Ok(events) = state.handle(command.clone(), &()) else { return Ok(false) };
            let mut inserted = Ok(());
            for event in events {
                sequence += 1;
                inserted = insert(&mut transaction, id, sequence, &event).await;
            }
            match inserted {
                Ok(()) => {}
                Err(error) if is_lost_race(&error) => continue,
                Err(error) => return Err(error.into()),
            }
            transaction.commit().await?;
            return Ok(true);
        }
    }
}

async fn load(connection: &mut PgConnection, id: &str) -> anyhow::Result<(Account, i64)> {
    let (mut state, mut last) = (Account::default(), 0);
    let mut rows = sqlx::query_as::<_, (i64, String, String)>(LOAD).bind(id).fetch(connection);
    while let Some((sequence, event_type, payload)) = rows.try_next().await? {
        state.apply(&Event::decode(&event_type, &payload)?);
        last = sequence;
    }
    Ok((state, last))
}

async fn insert(
    connection: &mut PgConnection,
    id: &str,
    sequence: i64,
    event: &Event,
) -> Result<(), sqlx::Error> {
    let payload = event.write_payload().map_err(|error| sqlx::Error::Encode(error.into()))?;
    let insert = sqlx::query(INSERT).bind(id).bind(sequence).bind(event.kind().name).bind(payload);
    insert.execute(connection).await?;
    Ok(())
}

impl Peer for Naive {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        let command = Command::Open { owner_name: "Ada Lovelace".to_owned() };
        Box::pin(async move { self.execute(&id, command).await })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.execute(&id, Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let mut transaction = self.pool.begin().await?;
            for before in after..after + count {
                let sequence = i64::try_from(before + 1)?;
                insert(&mut transaction, &id, sequence, &event(before)).await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move {
            let mut connection = self.pool.acquire().await?;
            Ok(load(&mut connection, &id).await?.0.balance)
        })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let mut rows = sqlx::query_as::<_, (String, String)>(SCAN).fetch(&self.pool);
            let mut events = 0;
            while let Some((event_type, payload)) = rows.try_next().await? {
                std::hint::black_box(Event::decode(&event_type, &payload)?);
                events += 1;
            }
            Ok(events)
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(count(&self.pool, "SELECT count(*) FROM event"))
    }
}

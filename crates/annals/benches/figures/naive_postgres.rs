//! The naive way on PostgreSQL: load the stream, decide, insert, commit, one command at a time.
//!
//! What tutorials do, done well: a pool, prepared statements, and load and insert in one
//! transaction. The unique sequence is the check of the expected one; who loses a race decides
//! again. It gives up what the naive way on SQLite gives up, and its positions have holes and may
//! become visible out of order.

use std::sync::Arc;

use annals::{Aggregate, BoxFuture, DomainEvent};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::database::{Pool, connect};
use crate::domain::{Account, Command, Event};
use crate::subject::Subject;

/// As most pools have by default.
const SESSIONS: usize = 10;

pub(crate) struct NaivePostgres {
    sessions: Pool<Session>,
}

struct Session {
    client: Client,
    load: Statement,
    last: Statement,
    insert: Statement,
}

const SCHEMA: &str = "
    CREATE TABLE event (
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
    )";
const LOAD: &str = "
    SELECT sequence, event_type, payload::text FROM event
    WHERE aggregate_type = 'account' AND aggregate_id = $1 ORDER BY sequence";
const LAST: &str = "
    SELECT coalesce(max(sequence), 0) FROM event
    WHERE aggregate_type = 'account' AND aggregate_id = $1";
const INSERT: &str = "
    INSERT INTO event (aggregate_type, aggregate_id, sequence, event_type, event_version,
                       payload, metadata)
    VALUES ('account', $1, $2, $3, 1, $4::text::jsonb, '{}')";

impl NaivePostgres {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Arc<dyn Subject>> {
        connect(url).await?.batch_execute(SCHEMA).await?;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let client = connect(url).await?;
            let (load, last) = (client.prepare(LOAD).await?, client.prepare(LAST).await?);
            let insert = client.prepare(INSERT).await?;
            sessions.push(Session { client, load, last, insert });
        }
        Ok(Arc::new(Self { sessions: Pool::new(sessions) }))
    }

    async fn execute(&self, id: String, command: Command) -> anyhow::Result<()> {
        while self.sessions.lend().await.try_execute(&id, command.clone()).await? == Race::Lost {}
        Ok(())
    }
}

/// What came of a try.
#[derive(PartialEq)]
enum Race {
    Won,
    Lost,
}

impl Session {
    async fn try_execute(&mut self, id: &str, command: Command) -> anyhow::Result<Race> {
        let transaction = self.client.transaction().await?;
        let (mut state, mut sequence) = (Account::default(), 0_i64);
        for row in transaction.query(&self.load, &[&id]).await? {
            sequence = row.try_get(0)?;
            state.apply(&Event::decode(row.try_get(1)?, row.try_get(2)?)?);
        }
        for event in state.handle(command, &())? {
            sequence += 1;
            let (name, payload) = (event.kind().name, event.write_payload()?);
            let values: [&(dyn ToSql + Sync); 4] = [&id, &sequence, &name, &payload];
            match transaction.execute(&self.insert, &values).await {
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                    transaction.rollback().await?;
                    return Ok(Race::Lost);
                }
                inserted => inserted?,
            };
        }
        transaction.commit().await?;
        Ok(Race::Won)
    }

    async fn append(&mut self, id: &str, count: usize) -> anyhow::Result<()> {
        let transaction = self.client.transaction().await?;
        let last: i64 = transaction.query_one(&self.last, &[&id]).await?.try_get(0)?;
        let event = Event::deposit();
        let (name, payload) = (event.kind().name, event.write_payload()?);
        for sequence in (last + 1..).take(count) {
            transaction.execute(&self.insert, &[&id, &sequence, &name, &payload]).await?;
        }
        Ok(transaction.commit().await?)
    }
}

impl Subject for NaivePostgres {
    fn open_account(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.execute(id, Command::Open { owner_name: "Ada Lovelace".to_owned() }))
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.execute(id, Command::Deposit { amount: 100 }))
    }

    fn append(&self, id: String, count: usize) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move { self.sessions.lend().await.append(&id, count).await })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        Box::pin(async move {
            let session = self.sessions.lend().await;
            let mut state = Account::default();
            for row in session.client.query(&session.load, &[&id]).await? {
                state.apply(&Event::decode(row.try_get(1)?, row.try_get(2)?)?);
            }
            Ok(state.balance)
        })
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let session = self.sessions.lend().await;
            let page = session
                .client
                .prepare(
                    "SELECT position, event_type, payload::text FROM event
                     WHERE position > $1 ORDER BY position LIMIT 2000",
                )
                .await?;
            let (mut after, mut count) = (0_i64, 0);
            loop {
                let rows = session.client.query(&page, &[&after]).await?;
                for row in &rows {
                    after = row.try_get(0)?;
                    std::hint::black_box(Event::decode(row.try_get(1)?, row.try_get(2)?)?);
                    count += 1;
                }
                if rows.is_empty() {
                    return Ok(count);
                }
            }
        })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move {
            let session = self.sessions.lend().await;
            let row = session.client.query_one("SELECT count(*) FROM event", &[]).await?;
            Ok(row.try_get::<_, i64>(0)?.try_into()?)
        })
    }
}

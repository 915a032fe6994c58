//! Its generic query over its repository of views: read and written for each event, after the
//! event was committed and before the command is acknowledged.

use std::sync::Arc;

use annals::BoxFuture;
use anyhow::bail;
use cqrs_es::persist::{GenericQuery, PersistedEventStore, QueryReplay};
use cqrs_es::{AggregateError, CqrsFramework, EventEnvelope, View};
use postgres_es::{PostgresCqrs, PostgresEventRepository, PostgresViewRepository};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::oneshot;

use super::{Account, Command, Event, pool};
use crate::peer::read_model::{Balances, ReadModel};

pub(in crate::peer) struct Kept {
    pool: PgPool,
    cqrs: PostgresCqrs<Account>,
    balances: Balances,
}

/// As its repository's `db/init.sql` creates it, and how everybody finds the balance in it.
const SCHEMA: [&str; 2] = [
    "CREATE TABLE account_view (
        view_id text NOT NULL,
        version bigint CHECK (version >= 0) NOT NULL,
        payload json NOT NULL,
        PRIMARY KEY (view_id)
    )",
    "CREATE VIEW account_balance AS
        SELECT view_id AS id, (payload->>'balance')::bigint AS balance FROM account_view",
];

#[derive(Debug, Default, Serialize, Deserialize)]
struct Balance {
    balance: i64,
}

impl View<Account> for Balance {
    fn update(&mut self, event: &EventEnvelope<Account>) {
        self.balance += match &event.payload {
            Event::AccountOpened { initial_balance, .. } => *initial_balance,
            Event::MoneyDeposited { amount, .. } => *amount,
        };
    }
}

type Query = GenericQuery<PostgresViewRepository<Balance, Account>, Balance, Account>;

fn query(pool: &PgPool) -> Query {
    let views = PostgresViewRepository::new("account_view", pool.clone());
    let mut query = GenericQuery::new(Arc::new(views));
    query.use_error_handler(Box::new(|error| eprintln!("cqrs-es: {error}")));
    query
}

impl Kept {
    pub(in crate::peer) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&pool).await?;
        }
        let repository = PostgresEventRepository::new(pool.clone());
        let store = PersistedEventStore::new_event_store(repository);
        let cqrs = CqrsFramework::new(store, vec![Box::new(query(&pool))], ());
        Ok(Self { pool, cqrs, balances: Balances::open(url).await? })
    }
}

impl ReadModel for Kept {
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            sqlx::query("TRUNCATE account_view").execute(&self.pool).await?;
            let repository = PostgresEventRepository::new(self.pool.clone());
            let replay = QueryReplay::new(repository, query(&self.pool));
            Ok(replay.replay_all().await?)
        })
    }

    fn keep(&self, end: oneshot::Receiver<()>) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(async move {
            let _ = end.await;
            Ok(())
        })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            loop {
                match self.cqrs.execute(&id, Command::Deposit { amount: 100 }).await {
                    Ok(()) => return Ok(()),
                    Err(AggregateError::AggregateConflict) => {}
                    Err(error) => bail!(error),
                }
            }
        })
    }

    fn balances(&self) -> &Balances {
        &self.balances
    }
}

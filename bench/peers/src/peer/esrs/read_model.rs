//! Its transactional event handler, which writes in the transaction of the event, and its
//! rebuilder by aggregates.

use annals::BoxFuture;
use async_trait::async_trait;
use esrs::handler::TransactionalEventHandler;
use esrs::manager::AggregateManager;
use esrs::rebuilder::{PgRebuilder, Rebuilder};
use esrs::store::StoreEvent;
use esrs::store::postgres::{PgStore, PgStoreBuilder, PgStoreError};
use sqlx::{PgConnection, PgPool};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Account, Command, Esrs, Event, pool};
use crate::peer::read_model::{Balances, CLEAR, PAY, ReadModel, TABLE};

pub(in crate::peer) struct Kept {
    pool: PgPool,
    peer: Esrs,
    balances: Balances,
}

struct Handler;

#[async_trait]
impl TransactionalEventHandler<Account, PgStoreError, PgConnection> for Handler {
    async fn handle(
        &self,
        event: &StoreEvent<Event>,
        executor: &mut PgConnection,
    ) -> Result<(), PgStoreError> {
        let amount = match event.payload {
            Event::AccountOpened { initial_balance, .. } => initial_balance,
            Event::MoneyDeposited { amount, .. } => amount,
        };
        let pay = sqlx::query(PAY).bind(event.aggregate_id.to_string()).bind(amount);
        pay.execute(executor).await?;
        Ok(())
    }

    async fn delete(&self, id: Uuid, executor: &mut PgConnection) -> Result<(), PgStoreError> {
        let delete = sqlx::query("DELETE FROM account_balance WHERE id = $1").bind(id.to_string());
        delete.execute(executor).await?;
        Ok(())
    }
}

impl Kept {
    pub(in crate::peer) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let pool = pool(url, size).await?;
        sqlx::query(TABLE).execute(&pool).await?;
        let builder = PgStoreBuilder::new(pool.clone()).add_transactional_event_handler(Handler);
        let store: PgStore<Account> = builder.try_build().await?;
        let manager = AggregateManager::new(store.clone());
        let peer = Esrs { pool: pool.clone(), store, manager };
        Ok(Self { pool, peer, balances: Balances::open(url).await? })
    }
}

impl ReadModel for Kept {
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            sqlx::query(CLEAR).execute(&self.pool).await?;
            let rebuilder: PgRebuilder<Account> = PgRebuilder::new();
            let rebuilder = rebuilder.with_transactional_event_handlers(vec![Box::new(Handler)]);
            Ok(rebuilder.by_aggregate_id(self.pool.clone()).await?)
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
            self.peer.execute(&id, Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn balances(&self) -> &Balances {
        &self.balances
    }
}

//! Our read model, kept by our projections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use annals::sqlx::{PostgresProjection, PostgresReadModels, ReadModelsOptions};
use annals::{
    App, BoxError, BoxFuture, ConsistencyToken, EventEnvelope, EventStore, Projection, Projections,
    Visibility, WaitError,
};
use sqlx_0_9::PgConnection;
use tokio::sync::oneshot;

use super::open;
use crate::PATIENCE;
use crate::domain::{Account, Command, Event};
use crate::peer::read_model::{Balances, PAY_MANY, ReadModel, TABLE};

/// The log and the read model are in one database.
pub(in crate::peer) struct Kept {
    url: String,
    store: Arc<dyn EventStore>,
    app: App<()>,
    balances: Balances,
}

struct Accounts;

impl Projection for Accounts {
    const NAME: &'static str = "accounts";
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = 8;
    type Event = Event;
    type Changes = BTreeMap<String, i64>;

    fn project(
        &self,
        event: EventEnvelope<Event>,
        changes: &mut Self::Changes,
    ) -> Result<(), BoxError> {
        let amount = match event.event {
            Event::AccountOpened { initial_balance, .. } => initial_balance,
            Event::MoneyDeposited { amount, .. } => amount,
            Event::MoneyWithdrawn { amount, .. } => -amount,
        };
        *changes.entry(event.stream.aggregate_id().to_owned()).or_default() += amount;
        Ok(())
    }
}

impl PostgresProjection for Accounts {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx_0_9::raw_sql(TABLE).execute(tables).await?;
        Ok(())
    }

    async fn write(
        &self,
        tables: &mut PgConnection,
        changes: &Self::Changes,
    ) -> Result<(), BoxError> {
        let ids: Vec<&str> = changes.keys().map(String::as_str).collect();
        let amounts: Vec<i64> = changes.values().copied().collect();
        sqlx_0_9::query(PAY_MANY).bind(ids).bind(amounts).execute(tables).await?;
        Ok(())
    }
}

/// So that everybody finds the table of the first generation, which is the only one here.
const SHOW: &str = "CREATE VIEW account_balance AS SELECT * FROM accounts_1.account_balance";

const FORGET: [&str; 3] = [
    "DROP VIEW IF EXISTS account_balance",
    "DROP SCHEMA IF EXISTS accounts_1 CASCADE",
    "DROP SCHEMA IF EXISTS annals_read CASCADE",
];

impl Kept {
    pub(in crate::peer) async fn open(url: &str) -> anyhow::Result<Self> {
        let store: Arc<dyn EventStore> = open(url).await?;
        let app = App::new(Arc::clone(&store), ());
        Ok(Self { url: url.to_owned(), store, app, balances: Balances::open(url).await? })
    }

    async fn build(&self) -> anyhow::Result<()> {
        for statement in FORGET {
            sqlx::query(statement).execute(self.balances.pool()).await?;
        }
        let projections = projections(&self.url, Arc::clone(&self.store)).await?;
        let visibility = projections.visibility().clone();
        let (end, ended) = oneshot::channel();
        let running = tokio::spawn(run(projections, ended));
        wait(&self.store, &visibility).await?;
        drop(end);
        running.await??;
        sqlx::query(SHOW).execute(self.balances.pool()).await?;
        Ok(())
    }
}

async fn projections(
    url: &str,
    store: Arc<dyn EventStore>,
) -> anyhow::Result<Projections<PostgresReadModels>> {
    let models = PostgresReadModels::open(ReadModelsOptions::from_url(url)?).await?;
    Ok(Projections::new(store, Arc::new(models)).with(Accounts))
}

async fn run(
    projections: Projections<PostgresReadModels>,
    end: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let ended = async {
        let _ = end.await;
    };
    Ok(projections.run(ended).await?)
}

/// Waits until the read model has seen all of the log.
async fn wait(store: &Arc<dyn EventStore>, visibility: &Visibility) -> anyhow::Result<()> {
    let token = ConsistencyToken { log_id: store.log_id(), position: store.head().await? };
    let start = Instant::now();
    loop {
        match visibility.wait_for(Accounts::NAME, token, PATIENCE).await {
            Ok(_) => return Ok(()),
            Err(WaitError::NotServing { .. }) if start.elapsed() < PATIENCE => {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl ReadModel for Kept {
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.build())
    }

    fn keep(&self, end: oneshot::Receiver<()>) -> BoxFuture<'static, anyhow::Result<()>> {
        let (url, store) = (self.url.clone(), Arc::clone(&self.store));
        Box::pin(async move { run(projections(&url, store).await?, end).await })
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.app.execute::<Account>(&id, Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn balances(&self) -> &Balances {
        &self.balances
    }
}

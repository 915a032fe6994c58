//! A read model of balances, and what a worker does with it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{
    Advance, ApplyError, BoxError, Checkpoint, Claim, EventEnvelope, EventId, Generation,
    GenerationKey, Hosts, Lease, Leases, LogId, NewGeneration, Position, Projection,
    ReadModelsError, WorkerId, WorkerReport,
};
use annals_derive::DomainEvent;
use annals_sqlx::{PostgresProjection, PostgresReadModels};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum AccountEvent {
    MoneyDeposited { amount: i64 },
}

/// What is different about a read model of balances.
pub(crate) trait Kind: Send + Sync + 'static {
    const NAME: &'static str = "balances";
    const PARTITIONS: u16 = 1;
    const TABLES: &'static str = "CREATE TABLE balance (account_id text PRIMARY KEY, \
         amount bigint NOT NULL CHECK (amount >= 0))";
}

/// One partition.
#[derive(Debug)]
pub(crate) struct One;
impl Kind for One {}

/// Eight partitions.
#[derive(Debug)]
pub(crate) struct Eight;
impl Kind for Eight {
    const PARTITIONS: u16 = 8;
}

/// Balances, with every change as a pair of account and amount.
#[derive(Debug)]
pub(crate) struct Balances<K>(PhantomData<K>);

impl<K> Balances<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(PhantomData))
    }
}

pub(crate) type Amounts = BTreeMap<String, i64>;

impl<K: Kind> Projection for Balances<K> {
    const NAME: &'static str = K::NAME;
    const VERSION: u32 = 1;
    const PARTITIONS: u16 = K::PARTITIONS;
    type Event = AccountEvent;
    type Changes = Amounts;

    fn project(
        &self,
        event: EventEnvelope<AccountEvent>,
        changes: &mut Amounts,
    ) -> Result<(), BoxError> {
        let AccountEvent::MoneyDeposited { amount } = event.event;
        *changes.entry(event.stream.aggregate_id().to_owned()).or_default() += amount;
        Ok(())
    }
}

impl<K: Kind> PostgresProjection for Balances<K> {
    async fn create(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(K::TABLES).execute(tables).await?;
        Ok(())
    }

    async fn write(&self, tables: &mut PgConnection, changes: &Amounts) -> Result<(), BoxError> {
        let (accounts, amounts): (Vec<&str>, Vec<i64>) =
            changes.iter().map(|(account, amount)| (account.as_str(), *amount)).unzip();
        sqlx::query(
            "INSERT INTO balance (account_id, amount) SELECT * FROM unnest($1, $2) \
             ON CONFLICT (account_id) DO UPDATE SET amount = balance.amount + excluded.amount",
        )
        .bind(accounts)
        .bind(amounts)
        .execute(tables)
        .await?;
        Ok(())
    }

    async fn finish(&self, tables: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE INDEX IF NOT EXISTS balance_amount_idx ON balance (amount)")
            .execute(tables)
            .await?;
        Ok(())
    }
}

/// Amounts for accounts.
pub(crate) fn amounts<const N: usize>(changes: [(&str, i64); N]) -> Arc<Amounts> {
    Arc::new(changes.map(|(account, amount)| (account.to_owned(), amount)).into())
}

pub(crate) fn at(position: u64) -> Checkpoint {
    Checkpoint {
        position: Position::new(position).expect("tests stay within bounds"),
        event_id: Some(EventId::new()),
    }
}

pub(crate) const TTL: Duration = Duration::from_secs(60);

pub(crate) async fn begin<P: PostgresProjection>(
    read_models: &PostgresReadModels,
    projection: Arc<P>,
) -> Generation {
    let new = NewGeneration { log_id: LogId::new() };
    read_models.create(projection, new).await.expect("a generation can be begun")
}

pub(crate) async fn claim(
    read_models: &PostgresReadModels,
    generation: &GenerationKey,
    worker: WorkerId,
) -> Vec<Lease> {
    try_claim(read_models, generation, worker, TTL).await.expect("partitions can be claimed")
}

pub(crate) async fn try_claim(
    read_models: &PostgresReadModels,
    generation: &GenerationKey,
    worker: WorkerId,
    ttl: Duration,
) -> Result<Vec<Lease>, ReadModelsError> {
    let report = WorkerReport::default();
    read_models.claim(Claim { generation: generation.clone(), worker, ttl, report }).await
}

/// A generation with one partition, and the lease on it.
pub(crate) async fn leased(read_models: &PostgresReadModels) -> (GenerationKey, Lease) {
    let key = begin(read_models, Balances::<One>::new()).await.key;
    let leases = claim(read_models, &key, WorkerId::new()).await;
    let [lease] = leases.try_into().expect("there is one partition");
    (key, lease)
}

/// Moves one partition, and says what lease there is then.
pub(crate) async fn apply(
    read_models: &PostgresReadModels,
    lease: &Lease,
    changes: Arc<Amounts>,
    to: Checkpoint,
) -> Result<Lease, ApplyError> {
    let advance = Advance { leases: vec![lease.clone()], to, applied: vec![1], queued: Vec::new() };
    read_models.apply(Balances::<One>::new(), changes, advance).await?;
    Ok(Lease { checkpoint: to, ..lease.clone() })
}

/// The balances of a generation, whether it serves or not.
pub(crate) async fn balances(
    connection: &mut PgConnection,
    generation: &GenerationKey,
) -> Vec<(String, i64)> {
    let table = format!("{}_{}.balance", generation.projection, generation.number);
    let statement = format!("SELECT account_id, amount FROM {table} ORDER BY account_id");
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .fetch_all(connection)
        .await
        .expect("balances can be read")
}

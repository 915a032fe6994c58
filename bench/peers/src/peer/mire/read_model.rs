//! Its runner of projections, with the handler that is given many events and the transaction of
//! their checkpoint: what is fastest of what it offers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annals::BoxFuture;
use mire::{EventStore, HandledEvent, ProjectionRunner, TransactionalBatchEventHandler};
use sqlx_0_9::PgConnection;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Account, AccountEvent, Mire};
use crate::peer::Peer;
use crate::peer::read_model::{Balances, CLEAR, PAY_MANY, ReadModel, TABLE};

pub(in crate::peer) struct Kept {
    peer: Mire,
    /// The number of the rebuild: each is a subscription of its own, because one that exists
    /// goes on where it was.
    number: AtomicU32,
    balances: Balances,
}

struct Handler;

impl TransactionalBatchEventHandler for Handler {
    type Aggregate = Account;

    async fn handle_batch(
        &self,
        events: Vec<HandledEvent<AccountEvent>>,
        connection: &mut PgConnection,
    ) -> anyhow::Result<()> {
        let mut changes = BTreeMap::<&str, i64>::new();
        for event in &events {
            let id = event.stream_id();
            *changes.entry(id.strip_prefix("account-").unwrap_or(id)).or_default() +=
                match event.event {
                    AccountEvent::Opened { initial_balance, .. } => initial_balance,
                    AccountEvent::Deposited { amount, .. } => amount,
                };
        }
        let ids: Vec<&str> = changes.keys().copied().collect();
        let amounts: Vec<i64> = changes.values().copied().collect();
        sqlx_0_9::query(PAY_MANY).bind(ids).bind(amounts).execute(connection).await?;
        Ok(())
    }
}

/// Events of a batch. More than its default of 100, which is slower here.
const BATCH_EVENTS: i64 = 2_000;

/// How often it is asked whether it has arrived.
const LOOK: Duration = Duration::from_millis(5);

async fn run(store: EventStore, name: String, end: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runner = ProjectionRunner::builder(store)
        .batch_size(BATCH_EVENTS)
        .subscribe_transactional_batch(name, Handler)
        .build();
    let token = CancellationToken::new();
    let canceling = token.clone();
    let ending = async move {
        let _ = end.await;
        canceling.cancel();
    };
    let (ran, ()) = tokio::join!(runner.run(token), ending);
    ran
}

impl Kept {
    pub(in crate::peer) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let peer = Mire::open(url, size).await?;
        let balances = Balances::open(url).await?;
        sqlx::query(TABLE).execute(balances.pool()).await?;
        Ok(Self { peer, number: AtomicU32::new(0), balances })
    }

    fn name(&self) -> String {
        format!("account_balance_{}", self.number.load(Ordering::Relaxed))
    }
}

impl ReadModel for Kept {
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            sqlx::query(CLEAR).execute(self.balances.pool()).await?;
            self.number.fetch_add(1, Ordering::Relaxed);
            let (end, ended) = oneshot::channel();
            let running = tokio::spawn(run(self.peer.store.clone(), self.name(), ended));
            while self.peer.store.projection_lag(&self.name()).await? > 0 {
                tokio::time::sleep(LOOK).await;
            }
            drop(end);
            running.await?
        })
    }

    fn keep(&self, end: oneshot::Receiver<()>) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(run(self.peer.store.clone(), self.name(), end))
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        self.peer.deposit(id)
    }

    fn balances(&self) -> &Balances {
        &self.balances
    }
}

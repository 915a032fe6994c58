//! Its listener, woken by the database: a statement of its own for each event, and the checkpoint
//! when all that were there are handled.

use std::time::Duration;

use annals::BoxFuture;
use async_trait::async_trait;
use disintegrate::{EventListener, PersistedEvent, StreamQuery, query};
use disintegrate_postgres::{
    Error, Migrator, PgEventId, PgEventListener, PgEventListenerConfig, PgEventListenerError,
    RetryAction,
};
use sqlx::PgPool;
use tokio::sync::oneshot;

use super::{AccountEvent, Disintegrate, Store};
use crate::peer::Peer;
use crate::peer::read_model::{Balances, CLEAR, PAY, ReadModel, TABLE};

pub(in crate::peer) struct Kept {
    peer: Disintegrate,
    balances: Balances,
}

struct Listener {
    query: StreamQuery<PgEventId, AccountEvent>,
    pool: PgPool,
}

#[async_trait]
impl EventListener<PgEventId, AccountEvent> for Listener {
    type Error = sqlx::Error;

    fn id(&self) -> &'static str {
        "account_balance"
    }

    fn query(&self) -> &StreamQuery<PgEventId, AccountEvent> {
        &self.query
    }

    async fn handle(
        &self,
        event: PersistedEvent<PgEventId, AccountEvent>,
    ) -> Result<(), sqlx::Error> {
        let (id, amount) = match event.into_inner() {
            AccountEvent::AccountOpened { account_id, initial_balance, .. } => {
                (account_id, initial_balance)
            }
            AccountEvent::MoneyDeposited { account_id, amount, .. } => (account_id, amount),
        };
        sqlx::query(PAY).bind(id).bind(amount).execute(&self.pool).await?;
        Ok(())
    }
}

/// How often it looks by itself, as in its own examples.
const POLL: Duration = Duration::from_millis(50);

/// How often it is asked whether it has arrived.
const LOOK: Duration = Duration::from_millis(5);

const RESET: &str = "DELETE FROM event_listener";

const HAS_ALL: &str = "
    SELECT coalesce((SELECT last_processed_event_id FROM event_listener), 0)
        >= (SELECT max(event_id) FROM event)";

async fn run(store: Store, pool: PgPool, end: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let listener = Listener { query: query!(AccountEvent), pool };
    let retry = |error: PgEventListenerError<sqlx::Error>, _| {
        eprintln!("disintegrate: {error:?}");
        RetryAction::Wait { duration: POLL }
    };
    let config = PgEventListenerConfig::poller(POLL).with_notifier().with_retry(retry);
    let listener = PgEventListener::builder(store).register_listener(listener, config);
    let ended = async {
        let _ = end.await;
    };
    Ok(listener.start_with_shutdown(ended).await?)
}

impl Kept {
    pub(in crate::peer) async fn open(url: &str, size: u32) -> anyhow::Result<Self> {
        let peer = Disintegrate::open(url, size).await?;
        sqlx::query(TABLE).execute(&peer.pool).await?;
        Ok(Self { peer, balances: Balances::open(url).await? })
    }
}

impl ReadModel for Kept {
    fn rebuild(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let (store, pool) = (&self.peer.store, &self.peer.pool);
            Migrator::new(store.clone()).init_listener().await.map_err(Error::from)?;
            for statement in [CLEAR, RESET] {
                sqlx::query(statement).execute(pool).await?;
            }
            let (end, ended) = oneshot::channel();
            let running = tokio::spawn(run(store.clone(), pool.clone(), ended));
            while !sqlx::query_scalar(HAS_ALL).fetch_one(self.balances.pool()).await? {
                tokio::time::sleep(LOOK).await;
            }
            drop(end);
            running.await?
        })
    }

    fn keep(&self, end: oneshot::Receiver<()>) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(run(self.peer.store.clone(), self.peer.pool.clone(), end))
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        self.peer.deposit(id)
    }

    fn balances(&self) -> &Balances {
        &self.balances
    }
}

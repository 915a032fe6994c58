//! Ours.

pub(super) mod read_model;

use std::sync::Arc;

use annals::postgres::{PostgresOptions, PostgresStore};
use annals::{
    App, Append, AppendCondition, BoxFuture, EventStore, ExecuteError, Json, Options, Sequence,
    SnapshotStore, StreamId, codec,
};

use super::{Peer, event};
use crate::domain::{Account, Command, Rejection};
use crate::scan::scan;

struct Annals {
    store: Arc<PostgresStore>,
    /// What keeps states in memory. Without it, each command has an application of its own.
    app: Option<App<()>>,
}

/// An application as it is used.
pub(super) async fn cached(url: &str) -> anyhow::Result<Arc<dyn Peer>> {
    let store = open(url).await?;
    Ok(Arc::new(Annals { app: Some(App::new(Arc::clone(&store) as _, ())), store }))
}

/// An application that has forgotten everything before each command.
pub(super) async fn loading(url: &str) -> anyhow::Result<Arc<dyn Peer>> {
    Ok(Arc::new(Annals { store: open(url).await?, app: None }))
}

async fn open(url: &str) -> anyhow::Result<Arc<PostgresStore>> {
    Ok(Arc::new(PostgresStore::open(PostgresOptions::from_url(url)?).await?))
}

impl Annals {
    fn event_store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.store) as _
    }

    fn app(&self) -> App<()> {
        self.app.clone().unwrap_or_else(|| {
            let mut options = Options::default();
            options.cached_states_max = 1;
            App::with_options(self.event_store(), None, (), options)
        })
    }

    /// Returns whether it was executed, or else rejected.
    async fn execute(&self, id: String, command: Command) -> anyhow::Result<bool> {
        loop {
            match self.app().execute::<Account>(&id, command.clone()).await {
                Ok(_) => return Ok(true),
                Err(ExecuteError::Rejected(Rejection::AlreadyOpen)) => return Ok(false),
                Err(ExecuteError::Contention { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Peer for Annals {
    fn open(&self, id: String) -> BoxFuture<'_, anyhow::Result<bool>> {
        Box::pin(self.execute(id, Command::Open { owner_name: "Ada Lovelace".to_owned() }))
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.execute(id, Command::Deposit { amount: 100 }).await?;
            Ok(())
        })
    }

    fn append(&self, id: String, after: u64, count: u64) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let stream = StreamId::new("account", id)?;
            let metadata = Json::empty_object();
            let events = (after..after + count)
                .map(|sequence| codec::encode(&stream, &event(sequence), &metadata));
            let events = events.collect::<Result<_, _>>()?;
            let condition =
                AppendCondition::default().expect_sequence(stream.clone(), Sequence::new(after)?);
            let _ = self.store.append(Append::new(events, condition, None)?).await?;
            Ok(())
        })
    }

    fn warm(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        match self.app {
            Some(_) => self.deposit(id),
            None => Box::pin(async { Ok(()) }),
        }
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        let cold = App::new(self.event_store(), ());
        Box::pin(async move { Ok(cold.load::<Account>(&id).await?.state.balance) })
    }

    fn load_from_snapshot(&self, id: String) -> Option<BoxFuture<'_, anyhow::Result<i64>>> {
        let snapshots = Arc::clone(&self.store) as Arc<dyn SnapshotStore>;
        let cold = App::with_snapshots(self.event_store(), snapshots, ());
        Some(Box::pin(async move { Ok(cold.load::<Account>(&id).await?.state.balance) }))
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(async move { scan(&self.event_store()).await })
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        // Positions have no holes, so the head is how many events there are.
        Box::pin(async move { Ok(self.store.head().await?.get()) })
    }
}

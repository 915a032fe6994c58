//! Annals on any of its stores.

use std::sync::Arc;

use annals::{
    App, Append, AppendCondition, BoxFuture, EventStore, Json, SnapshotStore, StreamId, codec,
};

use crate::domain::{Account, Command, Event};
use crate::scan::scan;
use crate::subject::Subject;

/// An application on a store, with all that an application keeps in memory.
pub(crate) struct Annals {
    app: App<()>,
    snapshots: Arc<dyn SnapshotStore>,
}

impl Annals {
    pub(crate) fn on<S: EventStore + SnapshotStore>(store: S) -> Arc<dyn Subject> {
        let store = Arc::new(store);
        let snapshots = Arc::clone(&store) as Arc<dyn SnapshotStore>;
        Arc::new(Self { app: App::new(store, ()), snapshots })
    }

    async fn execute(&self, id: String, command: Command) -> anyhow::Result<()> {
        self.app.execute::<Account>(&id, command).await?;
        Ok(())
    }
}

impl Subject for Annals {
    fn open_account(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.execute(id, Command::Open { owner_name: "Ada Lovelace".to_owned() }))
    }

    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.execute(id, Command::Deposit { amount: 100 }))
    }

    fn append(&self, id: String, count: usize) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            let stream = StreamId::new("account", id)?;
            let metadata = Json::empty_object();
            let event = || codec::encode(&stream, &Event::deposit(), &metadata);
            let events = (0..count).map(|_| event()).collect::<Result<_, _>>()?;
            let append = Append::new(events, AppendCondition::default(), None)?;
            let _ = self.app.store().append(append).await?;
            Ok(())
        })
    }

    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>> {
        let cold = App::new(Arc::clone(self.app.store()), ());
        Box::pin(async move { Ok(cold.load::<Account>(&id).await?.state.balance) })
    }

    fn load_from_snapshot(&self, id: String) -> Option<BoxFuture<'_, anyhow::Result<i64>>> {
        let (store, snapshots) = (Arc::clone(self.app.store()), Arc::clone(&self.snapshots));
        let cold = App::with_snapshots(store, snapshots, ());
        Some(Box::pin(async move { Ok(cold.load::<Account>(&id).await?.state.balance) }))
    }

    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        Box::pin(scan(self.app.store()))
    }

    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>> {
        // Positions have no holes, so the head is how many events there are.
        Box::pin(async move { Ok(self.app.store().head().await?.get()) })
    }
}

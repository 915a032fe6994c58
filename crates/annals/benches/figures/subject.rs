//! What is measured, behind one face.

use std::path::Path;
use std::sync::Arc;

use annals::sqlite::SqliteStore;
use annals::{
    App, Append, AppendCondition, BoxFuture, EventStore, Json, MemoryStore, Read, SnapshotStore,
    StreamId, codec,
};

use crate::domain::{Account, Command, Event};
use crate::naive::Naive;

/// Something that executes commands on accounts.
#[derive(Clone)]
pub(crate) enum Subject {
    Naive(Arc<Naive>),
    Annals { app: App<()>, snapshots: Arc<dyn SnapshotStore> },
}

/// The columns of the table, in their order.
pub(crate) const NAMES: [&str; 3] = ["naive sqlite", "annals sqlite", "annals memory"];

/// Opens the subject of this name in `folder`, empty.
pub(crate) fn open(name: &str, folder: &Path) -> anyhow::Result<Subject> {
    Ok(match name {
        "naive sqlite" => Subject::Naive(Naive::open(&folder.join("naive.db"))?),
        "annals sqlite" => annals(Arc::new(SqliteStore::open(folder.join("annals.db"))?)),
        _ => annals(Arc::new(MemoryStore::new())),
    })
}

fn annals<S: EventStore + SnapshotStore>(store: Arc<S>) -> Subject {
    let snapshots: Arc<dyn SnapshotStore> = Arc::clone(&store) as Arc<dyn SnapshotStore>;
    Subject::Annals { app: App::new(store, ()), snapshots }
}

impl Subject {
    pub(crate) fn open_account(&self, id: String) -> BoxFuture<'static, anyhow::Result<()>> {
        self.execute(id, Command::Open { owner_name: "Ada Lovelace".to_owned() })
    }

    pub(crate) fn deposit(&self, id: String) -> BoxFuture<'static, anyhow::Result<()>> {
        self.execute(id, Command::Deposit { amount: 100 })
    }

    fn execute(&self, id: String, command: Command) -> BoxFuture<'static, anyhow::Result<()>> {
        match self.clone() {
            Self::Naive(naive) => blocking(move || naive.execute(&id, command)),
            Self::Annals { app, .. } => Box::pin(async move {
                app.execute::<Account>(&id, command).await?;
                Ok(())
            }),
        }
    }

    /// Writes `count` deposits to `id` in one append.
    pub(crate) fn append(
        &self,
        id: String,
        count: usize,
    ) -> BoxFuture<'static, anyhow::Result<()>> {
        let events: Vec<Event> = (0..count).map(|_| Event::deposit()).collect();
        match self.clone() {
            Self::Naive(naive) => blocking(move || naive.append(&id, &events)),
            Self::Annals { app, .. } => Box::pin(async move {
                let stream = StreamId::new("account", id)?;
                let metadata = Json::empty_object();
                let events = events.iter().map(|event| codec::encode(&stream, event, &metadata));
                let events = events.collect::<Result<_, _>>()?;
                let append = Append::new(events, AppendCondition::default(), None)?;
                let _ = app.store().append(append).await?;
                Ok(())
            }),
        }
    }

    /// Loads `id` with nothing in memory.
    pub(crate) async fn load_cold(
        &self,
        id: &str,
        with_snapshots: bool,
    ) -> anyhow::Result<Account> {
        match self.clone() {
            Self::Naive(naive) => {
                let id = id.to_owned();
                blocking(move || naive.load(&id)).await
            }
            Self::Annals { app, snapshots } => {
                let store = Arc::clone(app.store());
                let cold = if with_snapshots {
                    App::with_snapshots(store, snapshots, ())
                } else {
                    App::new(store, ())
                };
                Ok(cold.load::<Account>(&id.to_owned()).await?.state)
            }
        }
    }

    /// Reads the whole log and decodes every event; returns how many there are.
    pub(crate) async fn scan(&self) -> anyhow::Result<u64> {
        match self.clone() {
            Self::Naive(naive) => blocking(move || naive.scan()).await,
            Self::Annals { app, .. } => scan(app).await,
        }
    }
}

/// Decodes one page while the next is read.
async fn scan(app: App<()>) -> anyhow::Result<u64> {
    let read = |after| {
        let store = Arc::clone(app.store());
        tokio::spawn(async move { store.read(Read::all().after(after).limit(2_000)).await })
    };
    let (mut next, mut count) = (Some(read(annals::Position::ZERO)), 0);
    while let Some(page) = next.take() {
        let page = page.await??;
        next = page.has_more.then(|| read(page.through));
        for event in &page.events {
            std::hint::black_box(codec::decode::<Event>(event)?);
            count += 1;
        }
    }
    Ok(count)
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> BoxFuture<'static, anyhow::Result<T>> {
    Box::pin(async move { tokio::task::spawn_blocking(work).await? })
}

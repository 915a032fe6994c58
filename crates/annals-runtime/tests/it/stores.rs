//! Stores in situations that a test must bring about.

use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use annals_core::{
    Append, AppendCondition, AppendError, Appended, BoxFuture, CommandId, EventStore, LogId,
    MemoryStore, Page, Position, Read, ReadError, StreamId,
};

/// A log in which somebody else always writes just before.
#[derive(Debug, Default)]
pub(crate) struct AlwaysFaster(MemoryStore);

/// A log that can be replaced by another one, as by restoring a backup.
#[derive(Debug, Default)]
pub(crate) struct Restorable(Mutex<Arc<MemoryStore>>);

impl Restorable {
    pub(crate) fn current(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.0.lock().unwrap())
    }

    pub(crate) fn restore(&self, other: Arc<MemoryStore>) {
        *self.0.lock().unwrap() = other;
    }
}

/// A log whose pages reach one position further at a time, whether an event there is selected or
/// not.
#[derive(Debug)]
pub(crate) struct OneByOne<S = MemoryStore>(pub(crate) S);

/// A log whose calls take a random time on their way there and back, but for no time at all on a
/// clock. Half of them tell, without a look, that a stream has not changed.
#[derive(Debug)]
pub(crate) struct Slow<S> {
    inner: S,
    tells_changes: bool,
    rng: Mutex<StdRng>,
}

impl<S> Slow<S> {
    pub(crate) fn new(inner: S, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self { inner, tells_changes: rng.random(), rng: Mutex::new(rng) }
    }

    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    async fn way(&self) {
        let steps = self.rng.lock().unwrap().random_range(0..6);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
    }

    async fn call<T>(&self, call: BoxFuture<'_, T>) -> T {
        self.way().await;
        let answer = call.await;
        self.way().await;
        answer
    }
}

impl EventStore for AlwaysFaster {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let events = append.events().to_vec();
            let first = Append::new(events, AppendCondition::default(), None)?;
            let _ = self.0.append(first).await?;
            self.0.append(append).await
        })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.0.read(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.0.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.0.wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        self.0.find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.0.log_id()
    }
}

impl EventStore for Restorable {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move { self.current().append(append).await })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move { self.current().read(read).await })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { self.current().head().await })
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { self.current().wait_past(position).await })
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(async move { self.current().find_command(id).await })
    }

    fn log_id(&self) -> LogId {
        self.current().log_id()
    }
}

impl<S: EventStore> EventStore for OneByOne<S> {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.0.append(append)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(async move {
            let end = self.0.head().await?.min(read.up_to_position());
            let step = read.after_position().min(end).plus(1).min(read.up_to_position());
            let page = self.0.read(read.up_to(step)).await?;
            Ok(Page { has_more: page.through < end, ..page })
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.0.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.0.wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        self.0.find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.0.log_id()
    }
}

impl<S: EventStore> EventStore for Slow<S> {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.call(self.inner.append(append)))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(self.call(self.inner.read(read)))
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.call(self.inner.head()))
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.call(self.inner.wait_past(position)))
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(self.call(self.inner.find_command(id)))
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        self.tells_changes && self.inner.is_unchanged_since(stream, position)
    }
}

//! Stores in situations that a test must bring about.

use std::sync::{Arc, Mutex};

use annals_core::{
    Append, AppendCondition, AppendError, Appended, BoxFuture, CommandId, EventStore, MemoryStore,
    Page, Position, Read, ReadError,
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
}

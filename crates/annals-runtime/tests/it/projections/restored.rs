//! A log that was restored from a backup: the same name, other events.

use annals_core::{
    Append, AppendError, Appended, BoxFuture, CommandId, EventStore, LogId, MemoryStore, Page,
    Position, Read, ReadError,
};

/// A log that goes by the name of another one.
#[derive(Debug)]
pub(super) struct Restored {
    log: MemoryStore,
    log_id: LogId,
}

impl Restored {
    /// As it was before the first event.
    pub(super) fn new(log_id: LogId) -> Self {
        Self { log: MemoryStore::new(), log_id }
    }
}

impl EventStore for Restored {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(append)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.log.read(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.log.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.log.wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        self.log.find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.log_id
    }
}

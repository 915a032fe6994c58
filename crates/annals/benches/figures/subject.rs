//! What is measured, behind one face.

use std::sync::Arc;

use annals::BoxFuture;

/// Something that keeps accounts and writes deposits to them.
///
/// Every call is answered when what it wrote is durable.
pub(crate) trait Subject: Send + Sync {
    /// Opens an account that must not exist.
    fn open_account(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Executes a command that leads to one event.
    fn deposit(&self, id: String) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Writes `count` deposits to `id` in one step, on no condition.
    fn append(&self, id: String, count: usize) -> BoxFuture<'_, anyhow::Result<()>>;

    /// Loads `id` with nothing in memory, and returns the balance.
    fn load(&self, id: String) -> BoxFuture<'_, anyhow::Result<i64>>;

    /// As [`Subject::load`], from a snapshot, where there are snapshots.
    fn load_from_snapshot(&self, _id: String) -> Option<BoxFuture<'_, anyhow::Result<i64>>> {
        None
    }

    /// Reads the whole log and decodes every event; returns how many there are.
    fn scan(&self) -> BoxFuture<'_, anyhow::Result<u64>>;

    /// How many events there are, for checking what was acknowledged.
    fn count(&self) -> BoxFuture<'_, anyhow::Result<u64>>;
}

/// Work that blocks, off the threads of the runtime.
pub(crate) fn blocking<S: Send + Sync + 'static, T: Send + 'static>(
    subject: &Arc<S>,
    work: impl FnOnce(&S) -> anyhow::Result<T> + Send + 'static,
) -> BoxFuture<'static, anyhow::Result<T>> {
    let subject = Arc::clone(subject);
    Box::pin(async move { tokio::task::spawn_blocking(move || work(&subject)).await? })
}

//! What the suite needs to know about a store: how to make a log, open it again, tamper with it.

use std::fmt;
use std::sync::Arc;

use annals_core::{BoxFuture, Clock, EventStore, MemoryStore, SnapshotStore};

/// Makes the logs that the suite works on. One value stands for one kind of store.
pub trait Harness: Send + Sync {
    /// A new, empty log that shares nothing with any other, with timestamps from `clock`.
    ///
    /// A store whose time comes from elsewhere (a database server) ignores the clock; the suite
    /// does not depend on it.
    ///
    /// # Panics
    ///
    /// If the log cannot be made. Every method of a harness reports trouble that way.
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>>;

    /// The seed of the randomised checks, which print it when they begin. Override it to repeat
    /// a failure.
    fn seed(&self) -> u64 {
        rand::random()
    }
}

/// One log, open.
pub trait LogUnderTest: Send + Sync {
    /// The open store. After [`LogUnderTest::reopen`] it is another one.
    fn store(&self) -> Arc<dyn EventStore>;

    /// The snapshots kept beside the log; `None` if this kind of store keeps none.
    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        None
    }

    /// Closes the log as at the end of a process and opens it again.
    ///
    /// The caller has dropped every handle it got from this log, so the implementation owns the
    /// last ones.
    fn reopen(&mut self) -> BoxFuture<'_, ()>;

    /// Tries every way around the store to change, remove or replace events that are already
    /// written, with the rights that the application has on its storage: for a database each of
    /// `UPDATE`, `DELETE`, `INSERT OR REPLACE`, `TRUNCATE`, for each table that events are kept
    /// in, and the ledger of commands.
    ///
    /// The log holds some events when this is called. The list is empty only where there is no
    /// way around the store, as in memory.
    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>>;
}

/// One attempt to change what is written, and whether the storage refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// What was tried, e.g. the statement.
    pub attempt: String,
    /// Whether the storage itself said no. A statement that succeeds but changes nothing counts as
    /// not refused.
    pub is_refused: bool,
}

impl Tampering {
    /// An attempt that the storage refused.
    #[must_use]
    pub fn refused(attempt: impl Into<String>) -> Self {
        Self { attempt: attempt.into(), is_refused: true }
    }

    /// An attempt that the storage carried out.
    #[must_use]
    pub fn carried_out(attempt: impl Into<String>) -> Self {
        Self { attempt: attempt.into(), is_refused: false }
    }
}

/// Logs in memory.
///
/// Memory lasts as long as the value, so reopening one means to go on with it; and there is no way
/// around the store, so nothing can be tampered with.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryHarness;

struct MemoryLog(Arc<MemoryStore>);

impl Harness for MemoryHarness {
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let log = MemoryLog(Arc::new(MemoryStore::with_clock(clock)));
            Box::new(log) as Box<dyn LogUnderTest>
        })
    }
}

impl LogUnderTest for MemoryLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.0.clone()
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(self.0.clone())
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        Box::pin(async { Vec::new() })
    }
}

/// Puts a decorator around the stores of another harness, each time one is opened.
///
/// ```
/// use std::sync::Arc;
/// use annals_testing::conformance::{Decorated, MemoryHarness};
///
/// // An `Arc` around the `Arc` stands for your decorator here.
/// let harness = Decorated::new(MemoryHarness, |store| Arc::new(store));
/// # let _ = harness;
/// ```
pub struct Decorated<H> {
    inner: H,
    decorate: Decorate,
}

type Decorate = Arc<dyn Fn(Arc<dyn EventStore>) -> Arc<dyn EventStore> + Send + Sync>;

struct DecoratedLog {
    inner: Box<dyn LogUnderTest>,
    decorate: Decorate,
    store: Option<Arc<dyn EventStore>>,
}

impl<H: Harness> Decorated<H> {
    /// A harness like `inner`, with `decorate` applied to each store that is opened.
    pub fn new(
        inner: H,
        decorate: impl Fn(Arc<dyn EventStore>) -> Arc<dyn EventStore> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, decorate: Arc::new(decorate) }
    }
}

impl<H: fmt::Debug> fmt::Debug for Decorated<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Decorated").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<H: Harness> Harness for Decorated<H> {
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let inner = self.inner.create(clock).await;
            let store = Some((self.decorate)(inner.store()));
            Box::new(DecoratedLog { inner, decorate: Arc::clone(&self.decorate), store })
                as Box<dyn LogUnderTest>
        })
    }

    fn seed(&self) -> u64 {
        self.inner.seed()
    }
}

impl LogUnderTest for DecoratedLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone().expect("the store is only absent while it is reopened")
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        self.inner.snapshots()
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // The decorator owns a handle; the inner log must own the last one.
            self.store = None;
            self.inner.reopen().await;
            self.store = Some((self.decorate)(self.inner.store()));
        })
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        self.inner.tamper()
    }
}

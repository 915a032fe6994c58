//! What the suite needs to know about a read database: how to make one, open it, let time pass.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{BoxFuture, DocumentProjection, DocumentReader, Hosts, ReadModels};

use super::sums::Sums;
use crate::{ManualClock, MemoryReadModels};

/// A handle on a read database, with all that the suite asks of it.
///
/// A read database hosts documents of every kind, so it has this by itself; the kinds named here
/// differ in their number of partitions, and in their version.
pub trait ReadModelsUnderTest:
    ReadModels
    + DocumentReader
    + Hosts<DocumentProjection<Sums<1>>>
    + Hosts<DocumentProjection<Sums<4>>>
    + Hosts<DocumentProjection<Sums<4, 2>>>
    + Hosts<DocumentProjection<Sums<5>>>
    + Hosts<DocumentProjection<Sums<16>>>
{
}

impl<M> ReadModelsUnderTest for M where
    M: ReadModels
        + DocumentReader
        + Hosts<DocumentProjection<Sums<1>>>
        + Hosts<DocumentProjection<Sums<4>>>
        + Hosts<DocumentProjection<Sums<4, 2>>>
        + Hosts<DocumentProjection<Sums<5>>>
        + Hosts<DocumentProjection<Sums<16>>>
{
}

/// Makes the read databases that the suite works on. One value stands for one kind of them.
pub trait ReadModelHarness: Send + Sync {
    /// A new, empty read database that shares nothing with any other.
    ///
    /// # Panics
    ///
    /// If it cannot be made. Every method of a harness reports trouble that way.
    fn create(&self) -> BoxFuture<'_, Box<dyn ReadDatabase>>;

    /// The seed of the randomised checks, which print it when they begin. Override it to repeat
    /// a failure.
    fn seed(&self) -> u64 {
        rand::random()
    }
}

/// One read database. It lasts as long as this value, whatever becomes of the handles.
pub trait ReadDatabase: Send + Sync {
    /// A handle of its own, as another process would have: it shares nothing in memory with those
    /// that were opened before.
    fn open(&self) -> BoxFuture<'_, Arc<dyn ReadModelsUnderTest>>;

    /// Lets time pass, as far as leases and workers are concerned: sets the clock of the database
    /// forwards, or moves back all that they were given until.
    fn pass(&self, span: Duration) -> BoxFuture<'_, ()>;
}

/// Read databases in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryReadModelHarness;

pub(crate) struct MemoryDatabase {
    pub(crate) models: MemoryReadModels,
    pub(crate) clock: Arc<ManualClock>,
}

impl MemoryDatabase {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { models: MemoryReadModels::with_clock(clock.clone()), clock }
    }
}

impl ReadModelHarness for MemoryReadModelHarness {
    fn create(&self) -> BoxFuture<'_, Box<dyn ReadDatabase>> {
        Box::pin(async { Box::new(MemoryDatabase::new()) as Box<dyn ReadDatabase> })
    }
}

impl ReadDatabase for MemoryDatabase {
    fn open(&self) -> BoxFuture<'_, Arc<dyn ReadModelsUnderTest>> {
        Box::pin(async { Arc::new(self.models.clone()) as Arc<dyn ReadModelsUnderTest> })
    }

    fn pass(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let span = chrono::TimeDelta::from_std(span).expect("the suite passes hours");
            self.clock.advance(span);
        })
    }
}

//! A harness whose stores all have one bug.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::{BoxFuture, Clock, EventStore, Read, SnapshotStore};

use super::{Memory, Sabotage, SabotagedStore};
use crate::conformance::{Harness, LogUnderTest, Tampering};

/// Puts one bug into the stores of another harness, and into what happens to its logs when they
/// are opened again or tampered with.
#[derive(Debug)]
pub struct Sabotaged<H> {
    inner: H,
    sabotage: Sabotage,
}

struct SabotagedLog {
    inner: Box<dyn LogUnderTest>,
    sabotage: Sabotage,
    memory: Arc<Mutex<Memory>>,
    store: Option<Arc<dyn EventStore>>,
}

impl<H: Harness> Sabotaged<H> {
    /// A harness like `inner`, with one bug.
    pub fn new(inner: H, sabotage: Sabotage) -> Self {
        Self { inner, sabotage }
    }
}

impl<H: Harness> Harness for Sabotaged<H> {
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        Box::pin(async move {
            let inner = self.inner.create(clock).await;
            let mut log = SabotagedLog {
                inner,
                sabotage: self.sabotage,
                memory: Arc::default(),
                store: None,
            };
            log.open();
            Box::new(log) as Box<dyn LogUnderTest>
        })
    }

    fn seed(&self) -> u64 {
        self.inner.seed()
    }
}

impl SabotagedLog {
    fn open(&mut self) {
        let memory = Arc::clone(&self.memory);
        let store = SabotagedStore::with_memory(self.inner.store(), self.sabotage, memory);
        self.store = Some(Arc::new(store));
    }

    fn change(&self, change: impl FnOnce(&mut Memory)) {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn forget_tail(&self) {
        let store = self.inner.store();
        let head = store.head().await.expect("a healthy store knows its head");
        let tail = Read::all().after(head.before());
        let tail = store.read(tail).await.expect("a healthy store can be read");
        self.change(|memory| {
            memory.hidden.extend(tail.events.iter().map(|event| event.event_id));
        });
    }
}

impl LogUnderTest for SabotagedLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone().expect("the store is only absent while it is reopened")
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        self.inner.snapshots()
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store = None;
            match self.sabotage {
                Sabotage::TailIsForgotten => self.forget_tail().await,
                Sabotage::LedgerIsForgotten => self.change(|memory| memory.ledger.clear()),
                _ => {}
            }
            self.inner.reopen().await;
            self.open();
        })
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        Box::pin(async {
            let mut attempts = self.inner.tamper().await;
            match self.sabotage {
                Sabotage::TamperingSucceeds => attempts.push(Tampering::carried_out("sabotage")),
                Sabotage::TamperingIsDenied => attempts.push(Tampering::refused("sabotage")),
                _ => return attempts,
            }
            self.change(|memory| memory.is_tampered = true);
            attempts
        })
    }
}

//! Snapshot stores with one bug each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_core::{
    BoxFuture, Clock, EventStore, Json, MemoryStore, Sequence, Snapshot, SnapshotError,
    SnapshotStore, StreamId,
};

use super::dawdle;
use crate::conformance::{Harness, LogUnderTest, Tampering};

/// A store that keeps snapshots in memory, with one deliberate bug. It is a harness as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SabotagedSnapshots {
    /// No bug at all.
    None,
    /// The last one saved is kept, whatever its sequence.
    LastSavedIsKept,
    /// One at the same sequence is not replaced.
    EqualIsNotReplaced,
    /// The newer of two is determined, and then written: two steps.
    CompareThenSave,
    /// What lies beyond the sequence asked for is given all the same.
    BoundIsIgnored,
    /// The state version is ignored.
    VersionIsIgnored,
    /// Type and id of the stream are joined without a separator that cannot occur in them.
    StreamIdIsJoined,
    /// The state is read and written anew.
    StateIsNormalised,
}

#[derive(Debug)]
struct Snapshots {
    sabotage: SabotagedSnapshots,
    kept: Mutex<HashMap<(String, u32), Snapshot>>,
}

impl Snapshots {
    fn key(&self, stream: &StreamId, state_version: u32) -> (String, u32) {
        let stream = match self.sabotage {
            SabotagedSnapshots::StreamIdIsJoined => {
                format!("{}:{}", stream.aggregate_type(), stream.aggregate_id())
            }
            _ => format!("{stream}"),
        };
        let is_ignored = self.sabotage == SabotagedSnapshots::VersionIsIgnored;
        (stream, if is_ignored { 0 } else { state_version })
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<(String, u32), Snapshot>) -> T) -> T {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SnapshotStore for Snapshots {
    fn save(&self, mut snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let key = self.key(&snapshot.stream, snapshot.state_version);
            if self.sabotage == SabotagedSnapshots::StateIsNormalised
                && let Ok(value) = snapshot.state.read::<serde_json::Value>()
            {
                snapshot.state = Json::from_stored(value.to_string());
            }
            let sequence = snapshot.sequence;
            let is_equal_enough = self.sabotage != SabotagedSnapshots::EqualIsNotReplaced;
            let is_newer = |older: Option<&Snapshot>| {
                older.is_none_or(|older| {
                    older.sequence < sequence || older.sequence == sequence && is_equal_enough
                })
            };
            match self.sabotage {
                SabotagedSnapshots::LastSavedIsKept => {
                    self.change(|kept| kept.insert(key, snapshot));
                }
                SabotagedSnapshots::CompareThenSave => {
                    if self.change(|kept| is_newer(kept.get(&key))) {
                        dawdle().await;
                        self.change(|kept| kept.insert(key, snapshot));
                    }
                }
                _ => self.change(|kept| {
                    if is_newer(kept.get(&key)) {
                        kept.insert(key, snapshot);
                    }
                }),
            }
            Ok(())
        })
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        let found = self.change(|kept| kept.get(&self.key(&stream, state_version)).cloned());
        let is_bounded = self.sabotage != SabotagedSnapshots::BoundIsIgnored;
        let found = found.filter(|snapshot| !is_bounded || snapshot.sequence <= up_to);
        Box::pin(async { Ok(found) })
    }
}

struct SnapshotLog {
    store: Arc<MemoryStore>,
    snapshots: Arc<Snapshots>,
}

impl Harness for SabotagedSnapshots {
    fn create(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Box<dyn LogUnderTest>> {
        let store = Arc::new(MemoryStore::with_clock(clock));
        let snapshots = Arc::new(Snapshots { sabotage: *self, kept: Mutex::default() });
        Box::pin(async { Box::new(SnapshotLog { store, snapshots }) as Box<dyn LogUnderTest> })
    }
}

impl LogUnderTest for SnapshotLog {
    fn store(&self) -> Arc<dyn EventStore> {
        self.store.clone()
    }

    fn snapshots(&self) -> Option<Arc<dyn SnapshotStore>> {
        Some(self.snapshots.clone())
    }

    fn reopen(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn tamper(&mut self) -> BoxFuture<'_, Vec<Tampering>> {
        Box::pin(async { Vec::new() })
    }
}

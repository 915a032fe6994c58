//! What is worked with: where events and snapshots are kept, and the bounds.

use std::sync::Arc;

use annals_core::{ConsistencyToken, EventStore, Position, SnapshotStore};

use crate::options::Options;

pub(crate) struct Resources {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) snapshots: Option<Arc<dyn SnapshotStore>>,
    pub(crate) options: Options,
}

impl Resources {
    /// Proof of "all up to `position`".
    pub(crate) fn token(&self, position: Position) -> ConsistencyToken {
        ConsistencyToken { log_id: self.store.log_id(), position }
    }
}

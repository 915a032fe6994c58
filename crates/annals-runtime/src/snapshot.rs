//! Saving states, so that long streams load quickly.

use annals_core::{Aggregate, EventId, Sequence, Snapshot, StreamId};

use crate::replay::Replayed;
use crate::resources::Resources;

/// A state that is to be saved once it is durable.
#[derive(Debug)]
pub(crate) struct SnapshotDue<A> {
    state: A,
    sequence: Sequence,
    last_event: EventId,
}

impl<A: Aggregate> SnapshotDue<A> {
    pub(crate) fn of(replayed: &Replayed<A>) -> Option<Self> {
        let last_event = replayed.last_event?;
        Some(Self { state: replayed.state.clone(), sequence: replayed.sequence, last_event })
    }
}

/// Saves a durable state. That it cannot be saved is worth a warning and nothing more.
pub(crate) async fn save_snapshot<A: Aggregate>(
    resources: &Resources,
    stream: &StreamId,
    due: Option<SnapshotDue<A>>,
) {
    let (Some(snapshots), Some(due)) = (&resources.snapshots, due) else { return };
    let snapshot = match Snapshot::new(
        stream.clone(),
        due.sequence,
        due.last_event,
        A::STATE_VERSION,
        &due.state,
    ) {
        Ok(snapshot) => snapshot,
        Err(error) => return warn(stream, &error),
    };
    if let Err(error) = snapshots.save(snapshot).await {
        warn(stream, &error);
    }
}

fn warn(stream: &StreamId, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(%stream, error, "no snapshot was saved");
}

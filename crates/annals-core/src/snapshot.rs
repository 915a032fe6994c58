//! Saved states, so that long streams load quickly.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::append::BoxError;
use crate::id::EventId;
use crate::json::{Json, JsonError};
use crate::limits::SNAPSHOT_BYTES_MAX;
use crate::position::Sequence;
use crate::store::BoxFuture;
use crate::stream::StreamId;

/// The state of an aggregate after one of its events.
///
/// A snapshot is only ever a shortcut. One that does not fit (other state version, damaged, ahead
/// of the log, not decodable) means "replay from the events", never an error and never a default
/// state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The stream.
    pub stream: StreamId,
    /// The sequence of the last event the state contains.
    pub sequence: Sequence,
    /// The id of that event: proves that the snapshot belongs to this log and not to one that was
    /// since restored from a backup.
    pub event_id: EventId,
    /// Version of the code that computed the state.
    pub state_version: u32,
    /// The state.
    pub state: Json,
    /// CRC-32 over all of the above.
    pub checksum: u32,
}

impl Snapshot {
    /// Saves `state`.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the state has no JSON form or more than [`SNAPSHOT_BYTES_MAX`] bytes.
    pub fn new(
        stream: StreamId,
        sequence: Sequence,
        event_id: EventId,
        state_version: u32,
        state: &impl Serialize,
    ) -> Result<Self, JsonError> {
        let state = Json::write("state", state, SNAPSHOT_BYTES_MAX)?;
        let mut snapshot = Self { stream, sequence, event_id, state_version, state, checksum: 0 };
        snapshot.checksum = snapshot.compute_checksum();
        Ok(snapshot)
    }

    /// The state, if nothing was damaged and it still decodes.
    #[must_use]
    pub fn read<S: DeserializeOwned>(&self) -> Option<S> {
        if self.checksum != self.compute_checksum() {
            return None;
        }
        self.state.read().ok()
    }

    fn compute_checksum(&self) -> u32 {
        let mut hash = crc32fast::Hasher::new();
        for text in [self.stream.aggregate_type(), self.stream.aggregate_id()] {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(&self.sequence.get().to_be_bytes());
        hash.update(self.event_id.as_uuid().as_bytes());
        hash.update(&self.state_version.to_be_bytes());
        hash.update(self.state.as_str().as_bytes());
        hash.finalize()
    }
}

/// Keeps the newest snapshot of each stream.
///
/// Losing snapshots costs time, never correctness, so an implementation need not flush them.
pub trait SnapshotStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps `snapshot`, unless a newer one of the same stream and state version is already there.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]; the caller goes on without the snapshot.
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>>;

    /// The newest snapshot of `stream` with this state version at or before `up_to`, if one is
    /// kept. It has not been checked: use [`Snapshot::read`].
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]; the caller replays the events instead.
    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>>;
}

/// Snapshots could not be kept or found. Go on without: it only costs time.
#[derive(Debug, Error)]
#[error("snapshots are unavailable")]
pub struct SnapshotError(#[from] pub BoxError);

impl<S: SnapshotStore + ?Sized> SnapshotStore for Arc<S> {
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        (**self).save(snapshot)
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        (**self).load(stream, state_version, up_to)
    }
}

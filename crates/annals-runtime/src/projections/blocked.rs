//! The streams of a worker that stand still.

use std::collections::HashMap;

use annals_core::{BlockedStream, DeadLetterId, StreamId};

use super::batch::Suspect;
use super::share::Share;

/// Streams that stand still because one of their events could not be processed.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    streams: HashMap<StreamId, BlockedStream>,
}

impl Blocked {
    pub(super) fn new(streams: Vec<BlockedStream>) -> Self {
        let by_stream = |blocked: BlockedStream| (blocked.stream.clone(), blocked);
        Self { streams: streams.into_iter().map(by_stream).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn find(&self, stream: &StreamId) -> Option<&BlockedStream> {
        self.streams.get(stream)
    }

    /// Notes that `suspect` was parked.
    pub(super) fn add(&mut self, suspect: &Suspect, letter: DeadLetterId) {
        let Suspect { stream, position, .. } = suspect.clone();
        let blocked = BlockedStream { stream: stream.clone(), letter, position, request: None };
        self.streams.insert(stream, blocked);
    }

    /// One for which somebody has asked something that can be done: an event that the checkpoint
    /// has not passed yet would come again.
    pub(super) fn requested(&self, share: &Share) -> Option<BlockedStream> {
        let is_due = |blocked: &&BlockedStream| {
            blocked.request.is_some() && share.due(&blocked.stream, blocked.position).is_none()
        };
        self.streams.values().find(is_due).cloned()
    }
}

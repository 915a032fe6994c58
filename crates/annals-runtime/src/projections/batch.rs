//! What is written in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_core::{
    BoxError, Checkpoint, EventType, Position, Projection, QueuedEvent, RecordedEvent, StreamId,
    codec,
};

use super::blocked::Blocked;
use super::share::Share;
use super::telemetry::Projecting;

/// Bytes of payload in a transaction; the page with which there are more is still taken.
///
/// As much again is in the pages that are read meanwhile, and in the changes, so a worker gets by
/// with some 200 MB whatever the events hold. Events of 1 KiB come 50,000 at a time all the same.
const BATCH_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The changes of a stretch of the log, and how the partitions move with them.
pub(super) struct Batch<P: Projection> {
    pub(super) changes: P::Changes,
    /// Events applied, by place of the lease in the share.
    pub(super) applied: Vec<u64>,
    pub(super) queued: Vec<QueuedEvent>,
    /// How many events have been projected.
    pub(super) events: usize,
    /// How long their payloads are.
    bytes: usize,
    /// The last one that was.
    pub(super) last: Option<Suspect>,
    /// Where it ends.
    pub(super) to: Checkpoint,
    /// The log ended there when it was read.
    pub(super) is_at_end: bool,
    pub(super) trace: Projecting,
}

/// An event that may have to be parked.
#[derive(Debug, Clone)]
pub(super) struct Suspect {
    pub(super) stream: StreamId,
    pub(super) position: Position,
    pub(super) event_type: EventType,
}

/// An event that cannot be projected.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) suspect: Suspect,
    /// Events of the batch that were projected before it. Their changes are spoilt: projecting may
    /// have failed half-way.
    pub(super) before: usize,
    pub(super) error: BoxError,
}

impl Suspect {
    pub(super) fn new(event: &RecordedEvent) -> Self {
        Self {
            stream: event.stream.clone(),
            position: event.position,
            event_type: event.event_type.clone(),
        }
    }
}

impl<P: Projection> Batch<P> {
    pub(super) fn new(share: &Share) -> Self {
        Self {
            changes: P::Changes::default(),
            applied: vec![0; share.leases().len()],
            queued: Vec::new(),
            events: 0,
            bytes: 0,
            last: None,
            to: share.lowest(),
            is_at_end: false,
            trace: Projecting::new(P::NAME),
        }
    }

    /// How many more events it has room for, if it is to hold `events_max` at most.
    pub(super) fn room(&self, events_max: usize) -> Option<usize> {
        let room = events_max.saturating_sub(self.events + self.queued.len());
        (room > 0 && self.bytes < BATCH_BYTES_MAX).then_some(room)
    }

    /// Takes the next event of the log: projects it, queues it up behind a dead letter, or leaves
    /// it to others.
    pub(super) fn take(
        &mut self,
        projection: &P,
        share: &Share,
        blocked: &Blocked,
        event: &RecordedEvent,
    ) -> Result<(), Failed> {
        let Some(place) = share.due(&event.stream, event.position) else { return Ok(()) };
        if let Some(letter) = blocked.find(&event.stream) {
            // The letter's own event was taken care of when it was parked.
            if event.position > letter.position {
                self.queued.push(QueuedEvent {
                    letter: letter.letter,
                    position: event.position,
                    event_type: event.event_type.clone(),
                });
            }
            return Ok(());
        }
        let projected = self.trace.process(event, || project(projection, event, &mut self.changes));
        projected.map_err(|error| Failed {
            suspect: Suspect::new(event),
            before: self.events,
            error,
        })?;
        if let Some(applied) = self.applied.get_mut(place) {
            *applied += 1;
        }
        self.events += 1;
        self.bytes += event.payload.as_str().len();
        self.last = Some(Suspect::new(event));
        Ok(())
    }
}

/// Decodes an event and adds what it changes.
///
/// A panic is an error like any other: it must not take the events of everybody else down with it.
/// Whatever it left half-done in the changes is thrown away with them.
pub(super) fn project<P: Projection>(
    projection: &P,
    event: &RecordedEvent,
    changes: &mut P::Changes,
) -> Result<(), BoxError> {
    let projected = catch_unwind(AssertUnwindSafe(|| {
        projection.project(codec::decode_envelope(event)?, changes)
    }));
    projected.unwrap_or_else(|_| Err("the projection panicked".into()))
}

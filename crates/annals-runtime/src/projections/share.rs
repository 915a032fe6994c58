//! The partitions that a worker has.

use annals_core::{Advance, Checkpoint, Lease, Partition, Position, QueuedEvent, StreamId};

/// What a worker has leased of a generation, each partition with its own checkpoint.
///
/// The log is read once for all of them, from the lowest checkpoint on; who is further ahead sits
/// out until the others are there.
#[derive(Debug)]
pub(super) struct Share {
    leases: Vec<Lease>,
    partitions: u16,
}

impl Share {
    pub(super) fn new(leases: Vec<Lease>, partitions: u16) -> Self {
        Self { leases, partitions }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    pub(super) fn leases(&self) -> &[Lease] {
        &self.leases
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.leases.iter().map(|lease| lease.partition).collect()
    }

    pub(super) fn has(&self, partition: Partition) -> bool {
        self.leases.iter().any(|lease| lease.partition == partition)
    }

    /// Where to read on.
    pub(super) fn lowest(&self) -> Checkpoint {
        let lowest = self.leases.iter().map(|lease| lease.checkpoint);
        lowest.min_by_key(|checkpoint| checkpoint.position).unwrap_or_default()
    }

    /// The different checkpoints, lowest first.
    pub(super) fn checkpoints(&self) -> Vec<Checkpoint> {
        let mut all: Vec<_> = self.leases.iter().map(|lease| lease.checkpoint).collect();
        all.sort_by_key(|checkpoint| checkpoint.position);
        all.dedup();
        all
    }

    /// The place in [`Share::leases`] of the lease for an event that is still to be applied.
    pub(super) fn due(&self, stream: &StreamId, position: Position) -> Option<usize> {
        let partition = Partition::of(stream, self.partitions);
        self.leases
            .iter()
            .position(|lease| lease.partition == partition && lease.checkpoint.position < position)
    }

    /// Moves all that are behind `to` there. `applied` counts events by place of the lease.
    pub(super) fn advance(
        &self,
        to: Checkpoint,
        applied: &[u64],
        queued: Vec<QueuedEvent>,
    ) -> Advance {
        let behind = self
            .leases
            .iter()
            .zip(applied)
            .filter(|(lease, _)| lease.checkpoint.position < to.position);
        let (leases, applied) = behind.map(|(lease, applied)| (lease.clone(), *applied)).unzip();
        Advance { leases, to, applied, queued }
    }

    /// Notes that it has been done.
    pub(super) fn moved(&mut self, to: Checkpoint) {
        for lease in &mut self.leases {
            if lease.checkpoint.position < to.position {
                lease.checkpoint = to;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_core::{EventId, GenerationKey, WorkerId};

    use super::*;

    fn at(position: u64) -> Checkpoint {
        let position = Position::new(position).unwrap();
        Checkpoint { position, event_id: Some(EventId::new()) }
    }

    fn share(positions: &[u64]) -> Share {
        let generation = GenerationKey { projection: "sums".to_owned(), number: 1 };
        let (worker, count) = (WorkerId::new(), u16::try_from(positions.len()).unwrap());
        let leases = Partition::all(count).zip(positions).map(|(partition, position)| Lease {
            generation: generation.clone(),
            partition,
            worker,
            fencing_token: 1,
            checkpoint: at(*position),
        });
        Share::new(leases.collect(), count)
    }

    #[test]
    fn whoever_is_ahead_sits_out_until_the_others_are_there() {
        let mut share = share(&[5, 20, 10]);
        assert_eq!(share.lowest().position.get(), 5);
        let advance = share.advance(at(12), &[1, 0, 2], Vec::new());
        let moved: Vec<_> = advance.leases.iter().map(|lease| lease.partition.get()).collect();
        assert_eq!((moved, advance.applied), (vec![0, 2], vec![1, 2]));
        share.moved(at(12));
        let positions = share.leases().iter().map(|lease| lease.checkpoint.position.get());
        assert_eq!(positions.collect::<Vec<_>>(), [12, 20, 12]);
    }

    #[test]
    fn event_is_due_once_and_only_where_its_stream_belongs() {
        let share = share(&[5, 5, 5]);
        for id in 0..100 {
            let stream = StreamId::new("account", id.to_string()).unwrap();
            let due = share.due(&stream, Position::new(6).unwrap()).unwrap();
            let lease = &share.leases()[due];
            assert_eq!(lease.partition, Partition::of(&stream, 3));
            assert_eq!(share.due(&stream, Position::new(5).unwrap()), None);
        }
    }
}

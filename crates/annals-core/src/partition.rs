//! Shares of the streams, so that several workers divide a projection between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stream::StreamId;

/// A share of the streams.
///
/// All events of a stream are in the same partition, so their order is kept whoever works on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(u16);

impl Partition {
    /// The partition with this number, counted from 0.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The partition of `stream` out of `count`, the same on every machine and in every version:
    /// the CRC-32 of its text, modulo the count. A count of 0 counts as 1.
    #[must_use]
    pub fn of(stream: &StreamId, count: u16) -> Self {
        let mut hash = crc32fast::Hasher::new();
        hash.update(stream.aggregate_type().as_bytes());
        hash.update(b"/");
        hash.update(stream.aggregate_id().as_bytes());
        let number = hash.finalize() % u32::from(count.max(1));
        Self(u16::try_from(number).expect("the remainder is below a 16-bit count"))
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// All of `count` partitions.
    pub fn all(count: u16) -> impl Iterator<Item = Self> {
        (0..count.max(1)).map(Self)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checkpoints are kept by partition: were the assignment to change, events would be missed.
    #[test]
    fn partition_of_a_stream_never_changes() {
        let of = |id: &str| Partition::of(&StreamId::new("account", id).unwrap(), 8).get();
        assert_eq!(["1", "2", "3", "alice", "bob"].map(of), [2, 0, 6, 7, 2]);
    }

    #[test]
    fn streams_spread_over_all_partitions() {
        let mut counts = [0_u32; 8];
        for id in 0..8_000 {
            let stream = StreamId::new("account", id.to_string()).unwrap();
            counts[usize::from(Partition::of(&stream, 8).get())] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}

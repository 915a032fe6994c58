//! The documents that the suite has read databases keep.

use annals_core::{BoxError, DocumentIndex, DocumentSet, Documents, EventEnvelope, IndexValue};
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

/// A sum for each stream, under the stream's aggregate id, in `PARTITIONS` partitions and of
/// version `V`.
///
/// What is kept tells of everything that can go wrong on the way: an event that is applied twice,
/// missed or out of order shows in the sequences. Version 1 lists sums by `rank` and by `total`,
/// version 2 by `total` only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums<const PARTITIONS: u16, const V: u32 = 1>;

/// What changes a sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub enum SumEvent {
    /// Something is added.
    Added {
        /// How much.
        amount: i64,
    },
    /// The sum gets another rank, or none.
    Ranked {
        /// Which one.
        rank: Option<Rank>,
    },
    /// The sum is removed.
    Removed,
    /// Makes no sense: it cannot be applied.
    Spoilt,
    /// Makes the code that is to apply it panic.
    Panicking,
}

/// What is kept for a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// All amounts added.
    pub total: i64,
    /// The sequences of the events that were applied, in the order they were.
    pub sequences: Vec<u64>,
    /// The position of the last of them.
    pub last_position: u64,
    /// Its rank.
    pub rank: Option<Rank>,
}

/// A number or a text that sums can be listed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// In version 2 only the first.
const INDEXES: &[DocumentIndex<Sum>] = &[
    DocumentIndex { name: "total", value: |sum| Some(IndexValue::Number(sum.total)) },
    DocumentIndex {
        name: "rank",
        value: |sum| {
            sum.rank.clone().map(|rank| match rank {
                Rank::Number(number) => IndexValue::Number(number),
                Rank::Text(text) => IndexValue::Text(text),
            })
        },
    },
];

impl<const PARTITIONS: u16, const V: u32> Documents for Sums<PARTITIONS, V> {
    const NAME: &'static str = match PARTITIONS {
        1 => "sums_1",
        4 => "sums_4",
        5 => "sums_5",
        16 => "sums_16",
        _ => "sums",
    };
    const VERSION: u32 = V;
    const PARTITIONS: u16 = PARTITIONS;
    type Event = SumEvent;
    type Document = Sum;

    fn keys(&self, event: &EventEnvelope<SumEvent>) -> Vec<String> {
        vec![event.stream.aggregate_id().to_owned()]
    }

    fn apply(
        &self,
        event: &EventEnvelope<SumEvent>,
        documents: &mut DocumentSet<Sum>,
    ) -> Result<(), BoxError> {
        let key = event.stream.aggregate_id();
        let mut sum = documents.find(key).cloned().unwrap_or_default();
        match &event.event {
            SumEvent::Added { amount } => sum.total += amount,
            SumEvent::Ranked { rank } => sum.rank.clone_from(rank),
            SumEvent::Removed => return Ok(documents.remove(key)?),
            SumEvent::Spoilt => return Err("the event is spoilt".into()),
            SumEvent::Panicking => panic!("an event that the suite has for this"),
        }
        sum.sequences.push(event.sequence.get());
        sum.last_position = event.position.get();
        documents.put(key, sum)?;
        Ok(())
    }

    fn indexes(&self) -> &'static [DocumentIndex<Sum>] {
        match V {
            2 => INDEXES.split_at(1).0,
            _ => INDEXES,
        }
    }
}

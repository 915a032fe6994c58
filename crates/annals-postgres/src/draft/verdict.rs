//! What becomes of one append.

use annals_core::{AppendError, Appended, Position, Sequence};

use super::Draft;
use crate::known_streams::StreamEnd;

/// What becomes of an append, relative to where the batch turns out to begin.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is written: `count` events, the first of which has this index in the draft.
    Accepted { first: usize, count: usize },
    /// Its command id stands in the ledger, with this outcome.
    Repeat(Appended),
    /// Its command id is that of an earlier append of the batch, which is written.
    RepeatOf(usize),
    /// A stream was not where it should have been, when the batch had added so much to it.
    Conflict { slot: usize, expected: Sequence, added: u64 },
    /// An event in the log matches its query condition.
    Matched(Position),
    /// An event of the batch does, the one with this index.
    MatchedInBatch(usize),
}

impl Verdict {
    pub(super) fn outcome(
        &self,
        draft: &Draft<'_>,
        head: Position,
        ends: &[StreamEnd],
    ) -> Result<Appended, AppendError> {
        match self {
            Self::Accepted { first, count } => Ok(Appended {
                first_position: head.plus(*first as u64 + 1),
                sequences: draft.sequences(*first, *count, ends),
                repeated: false,
            }),
            Self::Repeat(first) => Ok(first.clone()),
            Self::RepeatOf(index) => {
                let first = draft.verdicts.get(*index).expect("it came before this one");
                first.outcome(draft, head, ends).map(|first| Appended { repeated: true, ..first })
            }
            Self::Conflict { slot, expected, added } => {
                let stream = draft.slots.get(*slot).expect("it was made for this stream").stream;
                let before = ends.get(*slot).map(|end| end.sequence).unwrap_or_default();
                Err(AppendError::Conflict {
                    stream: stream.clone(),
                    expected: *expected,
                    actual: before.plus(*added),
                })
            }
            Self::Matched(at) => Err(AppendError::ConditionFailed { at: *at }),
            Self::MatchedInBatch(index) => {
                Err(AppendError::ConditionFailed { at: head.plus(*index as u64 + 1) })
            }
        }
    }
}

//! What a draft goes by.

use annals_core::{Appended, CommandId, Position, StreamId};

use crate::facts::Facts;
use crate::known_streams::{KnownEnd, KnownStreams};

/// What is taken to be so while verdicts are given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Knowledge<'a> {
    /// Guesses, which the statement checks: ends of streams that may have moved since, and a
    /// head that is at least this one. What is not known is taken to be as the append expects.
    Guess(&'a KnownStreams, Position),
    /// Facts about everything the batch mentions.
    Facts(&'a Facts),
}

impl Knowledge<'_> {
    pub(super) fn is_guess(self) -> bool {
        matches!(self, Self::Guess(..))
    }

    pub(super) fn known_head(self) -> Option<Position> {
        match self {
            Self::Guess(known, _) => known.head(),
            Self::Facts(_) => None,
        }
    }

    pub(super) fn head(self) -> Position {
        match self {
            Self::Guess(_, head) => head,
            Self::Facts(facts) => facts.head,
        }
    }

    pub(super) fn end(self, stream: &StreamId) -> Option<KnownEnd> {
        match self {
            Self::Guess(known, _) => known.end(stream),
            Self::Facts(facts) => {
                let end = *facts.ends.get(stream)?;
                // Facts from before the lock was had are looked up once more with it.
                Some(KnownEnd { end, is_current: false })
            }
        }
    }

    pub(super) fn repeat(self, id: CommandId) -> Option<Appended> {
        match self {
            Self::Guess(..) => None,
            Self::Facts(facts) => facts.repeats.get(&id).cloned(),
        }
    }

    pub(super) fn hit(self, append: usize) -> Option<Position> {
        match self {
            Self::Guess(..) => None,
            Self::Facts(facts) => facts.hits.get(&append).copied(),
        }
    }
}

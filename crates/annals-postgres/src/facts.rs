//! What is known about a batch from the database.

use std::collections::HashMap;

use annals_core::{Appended, CommandId, Position, Sequence, StreamId};

use crate::known_streams::StreamEnd;
use crate::session::SessionError;

/// Everything that decides over the appends of a batch, as of one moment.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) head: Position,
    pub(crate) ends: HashMap<StreamId, StreamEnd>,
    /// First outcomes of the batch's command ids that stand in the ledger.
    pub(crate) repeats: HashMap<CommandId, Appended>,
    /// For appends, by their number in the batch, an event that their query condition rules out.
    pub(crate) hits: HashMap<usize, Position>,
}

/// What a command led to, from its row in the ledger and the sequences of its events.
pub(crate) fn first_outcome(
    first_position: i64,
    sequences: Vec<i64>,
) -> Result<Appended, SessionError> {
    Ok(Appended {
        first_position: position(first_position)?,
        sequences: sequences.into_iter().map(sequence).collect::<Result<_, _>>()?,
        repeated: true,
    })
}

pub(crate) fn position(number: i64) -> Result<Position, SessionError> {
    Position::try_from(number).map_err(|_| SessionError::incomplete())
}

pub(crate) fn sequence(number: i64) -> Result<Sequence, SessionError> {
    Sequence::try_from(number).map_err(|_| SessionError::incomplete())
}

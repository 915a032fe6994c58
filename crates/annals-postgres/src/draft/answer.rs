//! What a batch's statement found in the database.

use std::collections::HashMap;

use annals_core::{Appended, CommandId, EventId, Position};
use tokio_postgres::Row;
use uuid::Uuid;

use super::Draft;
use crate::facts::{Facts, first_outcome, position, sequence};
use crate::known_streams::StreamEnd;
use crate::session::SessionError;

/// The answer of the statement, as of one moment at which its transaction held the head row.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether the batch was written.
    pub(crate) is_written: bool,
    /// Whether the transaction held the head row, without which nothing is written.
    pub(crate) is_locked: bool,
    /// The head before the batch.
    pub(crate) head: Position,
    /// The end of each stream of the draft before the batch, in the order of its streams.
    pub(crate) ends: Vec<StreamEnd>,
    /// Numbers of conditions that do not hold, each with the position of an event that matches.
    hits: Vec<(usize, Position)>,
    repeats: HashMap<CommandId, Appended>,
}

impl Answer {
    /// Reads the rows of `append.sql` or `append_one.sql`, and those of `check_conditions.sql` if
    /// that was sent. What was known without looking is filled in from the draft.
    pub(crate) fn read(
        rows: &[Row],
        checked: Option<&[Row]>,
        draft: &Draft<'_>,
    ) -> Result<Self, SessionError> {
        let row = rows.first().ok_or_else(SessionError::incomplete)?;
        let sequences: Option<Vec<i64>> = row.try_get("sequences")?;
        let event_ids: Option<Vec<Option<Uuid>>> = row.try_get("event_ids")?;
        let ends = sequences.unwrap_or_default().into_iter().zip(event_ids.unwrap_or_default());
        Ok(Self {
            is_written: row.try_get("holds")?,
            is_locked: row.try_get("is_locked")?,
            head: position(row.try_get("position")?)?,
            ends: draft
                .slots()
                .iter()
                .zip(ends)
                .map(|(slot, (number, event_id))| {
                    let event_id = event_id.map(EventId::from_uuid);
                    Ok(slot.completed(StreamEnd { sequence: sequence(number)?, event_id }))
                })
                .collect::<Result<_, SessionError>>()?,
            hits: hits(checked)?,
            repeats: rows
                .iter()
                .filter_map(|row| repeat(row).transpose())
                .collect::<Result<_, SessionError>>()?,
        })
    }

    /// The facts, by what they are about, together with older ones that cannot have changed: what
    /// stands in the ledger or matches a condition stays so.
    pub(crate) fn facts_with(&self, draft: &Draft<'_>, older: &Facts) -> Facts {
        let mut facts = self.facts(draft);
        facts.repeats.extend(older.repeats.iter().map(|(id, first)| (*id, first.clone())));
        facts.hits.extend(&older.hits);
        facts
    }

    /// The facts, by what they are about.
    pub(crate) fn facts(&self, draft: &Draft<'_>) -> Facts {
        let streams = draft.streams().cloned();
        Facts {
            head: self.head,
            ends: streams.zip(self.ends.iter().copied()).collect(),
            repeats: self.repeats.clone(),
            hits: self.hits.iter().copied().collect(),
        }
    }
}

/// Conditions that do not hold, each with the position of an event that matches.
fn hits(checked: Option<&[Row]>) -> Result<Vec<(usize, Position)>, SessionError> {
    let Some(row) = checked.and_then(|rows| rows.first()) else { return Ok(Vec::new()) };
    let conditions: Option<Vec<i32>> = row.try_get("conditions")?;
    let positions: Option<Vec<i64>> = row.try_get("positions")?;
    let hits = conditions.unwrap_or_default().into_iter().zip(positions.unwrap_or_default());
    hits.map(|(condition, at)| {
        let condition = usize::try_from(condition).map_err(|_| SessionError::incomplete())?;
        Ok((condition, position(at)?))
    })
    .collect()
}

fn repeat(row: &Row) -> Result<Option<(CommandId, Appended)>, SessionError> {
    let Some(id) = row.try_get::<_, Option<Uuid>>("command_id")? else { return Ok(None) };
    let first = first_outcome(row.try_get("first_position")?, row.try_get("command_sequences")?)?;
    Ok(Some((CommandId::from_uuid(id), first)))
}

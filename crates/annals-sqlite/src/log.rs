//! Single questions to the log.

use annals_core::{Appended, CommandId, EventId, LogId, Position, Sequence, StreamId};
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use crate::fault::Fault;

/// The position of the last event.
pub(crate) fn head(connection: &Connection) -> Result<Position, Fault> {
    let found: Option<i64> =
        connection.prepare_cached(include_str!("sql/head.sql"))?.query_row([], |row| row.get(0))?;
    found.map_or(Ok(Position::ZERO), position)
}

/// The name of the log.
pub(crate) fn log_id(connection: &Connection) -> rusqlite::Result<LogId> {
    let id: Uuid =
        connection.query_row(include_str!("sql/log_id.sql"), [], |row| event_id(row, 0))?;
    Ok(LogId::from_uuid(id))
}

/// The last event of a stream, `None` if the stream does not exist.
pub(crate) fn stream_last(
    connection: &Connection,
    stream: &StreamId,
) -> Result<Option<(Sequence, EventId)>, Fault> {
    let found: Option<(i64, Uuid)> = connection
        .prepare_cached(include_str!("sql/stream_last.sql"))?
        .query_row([stream.aggregate_type(), stream.aggregate_id()], |row| {
            Ok((row.get(0)?, event_id(row, 1)?))
        })
        .optional()?;
    found.map(|(number, id)| Ok((sequence(number)?, EventId::from_uuid(id)))).transpose()
}

/// The sequence of the last event of `stream` at or before `known` in the log.
///
/// A binary search: sequences are gap-free and rise with the position.
pub(crate) fn sequence_at(
    connection: &Connection,
    stream: &StreamId,
    known: Position,
) -> Result<Sequence, Fault> {
    let Some((last, _)) =
        (known > Position::ZERO).then(|| stream_last(connection, stream)).transpose()?.flatten()
    else {
        return Ok(Sequence::ZERO);
    };
    let mut statement = connection.prepare_cached(include_str!("sql/stream_position.sql"))?;
    let mut is_known = |number: u64| -> Result<bool, Fault> {
        let key = (stream.aggregate_type(), stream.aggregate_id(), sequence_of(number)?.as_i64());
        let at: Option<i64> = statement.query_row(key, |row| row.get(0)).optional()?;
        let at = at.ok_or_else(|| {
            Fault::damaged(known, format!("{stream} has no event with sequence {number}"))
        })?;
        Ok(position(at)? <= known)
    };
    if is_known(last.get())? {
        return Ok(last);
    }
    // All up to `low` is known, nothing from `high` on is.
    let (mut low, mut high) = (0, last.get());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_known(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    sequence_of(low)
}

/// What a command led to, as the contract words a repeat.
pub(crate) fn find_command(
    connection: &Connection,
    id: CommandId,
) -> Result<Option<Appended>, Fault> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached(include_str!("sql/command_find.sql"))?
        .query_row([&id.as_uuid().as_bytes()[..]], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((first, count)) = found else { return Ok(None) };
    let first_position = position(first)?;
    let sequences: Vec<i64> = connection
        .prepare_cached(include_str!("sql/command_sequences.sql"))?
        .query_map([first, first.saturating_add(count).saturating_sub(1)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if i64::try_from(sequences.len()) != Ok(count) {
        return Err(Fault::damaged(
            first_position,
            "events of a command in the ledger are missing",
        ));
    }
    let sequences = sequences.into_iter().map(sequence).collect::<Result<_, _>>()?;
    Ok(Some(Appended { first_position, sequences, repeated: true }))
}

/// When the last event was written, in microseconds since 1970.
pub(crate) fn last_timestamp(connection: &Connection) -> Result<Option<i64>, Fault> {
    Ok(connection
        .prepare_cached(include_str!("sql/last_timestamp.sql"))?
        .query_row([], |row| row.get(0))
        .optional()?)
}

pub(crate) fn position(number: i64) -> Result<Position, Fault> {
    Position::try_from(number)
        .map_err(|_| Fault::damaged(Position::ZERO, format!("{number} is not a position")))
}

fn sequence(number: i64) -> Result<Sequence, Fault> {
    Sequence::try_from(number)
        .map_err(|_| Fault::damaged(Position::ZERO, format!("{number} is not a sequence")))
}

fn sequence_of(number: u64) -> Result<Sequence, Fault> {
    Sequence::new(number)
        .map_err(|_| Fault::damaged(Position::ZERO, format!("{number} is not a sequence")))
}

fn event_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

//! The catalog: which generations there are, and which of them serve.

use annals_core::{Generation, GenerationKey, GenerationState, LogId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::fault::Fault;
use super::row;

/// All generations, by projection and number.
pub(super) fn generations(catalog: &Connection) -> rusqlite::Result<Vec<Generation>> {
    catalog
        .prepare_cached(include_str!("../sql/read_models/generations.sql"))?
        .query_map([], generation)?
        .collect()
}

pub(super) fn keys(catalog: &Connection) -> rusqlite::Result<Vec<GenerationKey>> {
    Ok(generations(catalog)?.into_iter().map(|generation| generation.key).collect())
}

pub(super) fn find(catalog: &Connection, key: &GenerationKey) -> Result<Generation, Fault> {
    catalog
        .prepare_cached(include_str!("../sql/read_models/generation_find.sql"))?
        .query_row((&key.projection, key.number), generation)
        .optional()?
        .ok_or_else(|| Fault::not_found(key.to_string()))
}

/// The generation of `projection` that serves.
pub(super) fn serving(
    catalog: &Connection,
    projection: &str,
) -> rusqlite::Result<Option<Generation>> {
    catalog
        .prepare_cached(include_str!("../sql/read_models/generation_serving.sql"))?
        .query_row([projection], generation)
        .optional()
}

/// The generation of `projection` that is being built or held.
pub(super) fn unfinished(
    catalog: &Connection,
    projection: &str,
) -> rusqlite::Result<Option<GenerationKey>> {
    let of = |row: &Row<'_>| {
        Ok(GenerationKey { projection: projection.to_owned(), number: row.get(0)? })
    };
    let sql = include_str!("../sql/read_models/generation_unfinished.sql");
    catalog.query_row(sql, [projection], of).optional()
}

/// A number for a new generation, never given before.
pub(super) fn next_number(catalog: &Connection, projection: &str) -> rusqlite::Result<u32> {
    let sql = include_str!("../sql/read_models/numbering_next.sql");
    catalog.query_row(sql, [projection], |row| row.get(0))
}

pub(super) fn insert(catalog: &Connection, generation: &Generation) -> rusqlite::Result<()> {
    let columns = (
        &generation.key.projection,
        generation.key.number,
        generation.version,
        generation.partitions,
        generation.log_id.as_uuid().as_bytes(),
        state_name(generation.state),
        row::micros(generation.created_at),
    );
    catalog.execute(include_str!("../sql/read_models/generation_insert.sql"), columns)?;
    Ok(())
}

pub(super) fn set_state(
    catalog: &Connection,
    key: &GenerationKey,
    state: GenerationState,
) -> rusqlite::Result<()> {
    let columns = (&key.projection, key.number, state_name(state));
    catalog.execute(include_str!("../sql/read_models/generation_set_state.sql"), columns)?;
    Ok(())
}

/// Keeps a comparison; whether the generation is still being built.
pub(super) fn keep_comparison(
    catalog: &Connection,
    key: &GenerationKey,
    comparison: &str,
    state: GenerationState,
) -> rusqlite::Result<bool> {
    let sql = include_str!("../sql/read_models/generation_keep_comparison.sql");
    let columns = (&key.projection, key.number, comparison, state_name(state));
    Ok(catalog.execute(sql, columns)? == 1)
}

pub(super) fn delete(catalog: &Connection, key: &GenerationKey) -> rusqlite::Result<()> {
    let sql = include_str!("../sql/read_models/generation_delete.sql");
    catalog.execute(sql, (&key.projection, key.number))?;
    Ok(())
}

/// Changes the catalog in one transaction, as the only one who does; flushed when it returns.
///
/// Whoever makes, moves or removes files of the folder does so in here: nobody else does meanwhile.
pub(super) fn change<T>(
    catalog: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    catalog.execute_batch(include_str!("../sql/read_models/synchronous_full.sql"))?;
    let changed = change_unflushed(catalog, work);
    catalog.execute_batch(include_str!("../sql/read_models/synchronous_normal.sql"))?;
    changed
}

/// As [`change`], but a failure of the machine may undo it.
pub(super) fn change_unflushed<T>(
    catalog: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = catalog.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn generation(row: &Row<'_>) -> rusqlite::Result<Generation> {
    let state: String = row.get(5)?;
    Ok(Generation {
        key: GenerationKey { projection: row.get(0)?, number: row.get(1)? },
        version: row.get(2)?,
        partitions: row.get(3)?,
        log_id: LogId::from_uuid(row::uuid(row, 4)?),
        state: state_of(&state).ok_or(rusqlite::Error::InvalidColumnType(
            5,
            state,
            rusqlite::types::Type::Text,
        ))?,
        created_at: row::time(row, 6)?,
        comparison: row::json_if_any(row, 7)?,
    })
}

fn state_name(state: GenerationState) -> &'static str {
    match state {
        GenerationState::Building => "building",
        GenerationState::Held => "held",
        GenerationState::Serving => "serving",
        GenerationState::Retained => "retained",
    }
}

fn state_of(name: &str) -> Option<GenerationState> {
    use GenerationState::{Building, Held, Retained, Serving};
    [Building, Held, Serving, Retained].into_iter().find(|state| state_name(*state) == name)
}

//! Values between the database's columns and the vocabulary.

use annals_core::{
    Checkpoint, DeadLetterRequest, EventId, GenerationState, Json, Partition, Position,
};
use serde_json::Error as JsonError;
use sqlx::error::BoxDynError;
use uuid::Uuid;

/// A number of a column that is never negative, and never more than its type here holds.
pub(crate) fn number<N>(
    value: impl TryInto<N, Error: Into<BoxDynError>>,
) -> Result<N, sqlx::Error> {
    value.try_into().map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A number for a column.
pub(crate) fn column<N: TryInto<i64>>(value: N) -> i64 {
    // What does not fit is more than a column can hold, so that no row has it.
    value.try_into().unwrap_or(i64::MAX)
}

/// A place in the log.
pub(crate) fn position(value: i64) -> Result<Position, sqlx::Error> {
    number(value)
}

/// How far a reader of the log is.
pub(crate) fn checkpoint(value: i64, event_id: Option<Uuid>) -> Result<Checkpoint, sqlx::Error> {
    Ok(Checkpoint { position: position(value)?, event_id: event_id.map(EventId::from_uuid) })
}

/// The event of a checkpoint, for a column.
pub(crate) fn event_id(checkpoint: &Checkpoint) -> Option<Uuid> {
    checkpoint.event_id.map(|id| *id.as_uuid())
}

/// The number of a partition.
pub(crate) fn partition(value: i32) -> Result<Partition, sqlx::Error> {
    Ok(Partition::new(number(value)?))
}

/// What a generation is for, as the column says it.
pub(crate) const fn state_name(state: GenerationState) -> &'static str {
    match state {
        GenerationState::Building => "building",
        GenerationState::Held => "held",
        GenerationState::Serving => "serving",
        GenerationState::Retained => "retained",
    }
}

/// What a generation is for.
pub(crate) fn state(name: &str) -> Result<GenerationState, sqlx::Error> {
    use GenerationState::{Building, Held, Retained, Serving};
    let mut states = [Building, Held, Serving, Retained].into_iter();
    let known = states.find(|state| state_name(*state) == name);
    known.ok_or_else(|| sqlx::Error::Decode(format!("{name:?} is no state").into()))
}

/// What somebody asked to be done with a dead letter.
pub(crate) fn request(text: Option<String>) -> Result<Option<DeadLetterRequest>, sqlx::Error> {
    let request = text.map(|text| serde_json::from_str(&text)).transpose();
    request.map_err(|error: JsonError| sqlx::Error::Decode(error.into()))
}

/// A document of JSON that was checked when it was written.
pub(crate) fn json(text: String) -> Json {
    Json::from_stored(text)
}

/// Text of somebody's error for a column, which cannot hold the NUL character.
pub(crate) fn error_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

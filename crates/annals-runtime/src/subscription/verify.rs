//! Whether a checkpoint belongs to a log.

use annals_core::{Checkpoint, CheckpointError, EventId, EventStore, Position, Read, ReadError};

/// Makes sure that the log has the event that `checkpoint` names.
///
/// # Errors
///
/// [`CheckpointError::Ahead`] or [`CheckpointError::OtherHistory`] if it has not;
/// [`CheckpointError::Read`] if it could not be asked.
pub(crate) async fn verify(
    store: &dyn EventStore,
    checkpoint: Checkpoint,
) -> Result<(), CheckpointError> {
    let Checkpoint { position, event_id } = checkpoint;
    if position == Position::ZERO {
        return Ok(());
    }
    match find_event(store, position).await? {
        Some(found) if Some(found) == event_id => Ok(()),
        Some(_) => Err(CheckpointError::OtherHistory { position }),
        None => Err(missing(store, position).await?),
    }
}

/// The event at `position`, if the log reaches that far.
pub(super) async fn find_event(
    store: &dyn EventStore,
    position: Position,
) -> Result<Option<EventId>, ReadError> {
    let read = Read::all().after(position.before()).up_to(position).limit(1);
    Ok(store.read(read).await?.events.first().map(|event| event.event_id))
}

/// What it means that there was no event at `position`.
pub(super) async fn missing(
    store: &dyn EventStore,
    position: Position,
) -> Result<CheckpointError, ReadError> {
    let head = store.head().await?;
    Ok(if head < position {
        CheckpointError::Ahead { checkpoint: position, head }
    } else {
        // It has come since we looked, so it is not the one that was there before.
        CheckpointError::OtherHistory { position }
    })
}

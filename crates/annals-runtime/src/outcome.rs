//! The outcome of a command that was executed before, read back from the log.

use std::error::Error;

use annals_core::{
    Append, Appended, CommandId, EventStore, NewEvent, Position, Read, ReadError, RecordedEvent,
    Sequence, StreamId,
};

use crate::error::{ExecuteError, LoadError};
use crate::page;
use crate::submit::Submitted;

/// The events of an earlier outcome, in their order.
pub(crate) async fn events(
    store: &dyn EventStore,
    appended: &Appended,
) -> Result<Vec<RecordedEvent>, LoadError> {
    let (mut events, last) = (Vec::with_capacity(appended.count()), appended.last_position());
    let mut read = Read::all().after(appended.first_position.before()).up_to(last);
    while events.len() < appended.count() {
        let page = store.read(read.clone()).await?;
        if page.events.is_empty() && !page.has_more {
            return Err(missing(last));
        }
        read = read.after(page.through);
        events.extend(page.events);
    }
    Ok(events)
}

/// Whether a repeat only met what `append` had written itself, in an attempt whose answer was lost.
///
/// # Errors
///
/// [`ExecuteError::Unknown`]: as long as the outcome cannot be read, nobody knows whose it is.
pub(crate) async fn is_own<E: Error + 'static>(
    store: &dyn EventStore,
    append: &Append,
    submitted: &Submitted,
    command_id: CommandId,
) -> Result<bool, ExecuteError<E>> {
    if !submitted.is_resent {
        return Ok(false);
    }
    let first = events(store, &submitted.appended)
        .await
        .map_err(|error| ExecuteError::Unknown { command_id, source: error.into() })?;
    let ids = first.iter().map(|event| event.event_id);
    Ok(!first.is_empty() && ids.eq(append.events().iter().map(NewEvent::event_id)))
}

/// The sequence that `stream` had when the log ended at `position`.
///
/// A search that doubles and then halves, because sequences rise with the position: reading all
/// events up to there would take as long as the stream is.
pub(crate) async fn sequence_at(
    store: &dyn EventStore,
    stream: &StreamId,
    position: Position,
) -> Result<Sequence, LoadError> {
    // The stream had the event with sequence `low` by then, and not that with sequence `high`.
    let (mut low, mut high) = (Sequence::ZERO, None::<u64>);
    loop {
        let middle = match high {
            None => low.get() * 2 + 1,
            Some(high) if high - low.get() > 1 => low.get().midpoint(high),
            Some(_) => return Ok(low),
        };
        let sequence = Sequence::new(middle)?;
        let read = Read::stream(stream.clone(), sequence.before()).up_to(position).limit(1);
        let (page, _) = page::with_events(store, read).await?;
        if page.events.is_empty() { high = Some(middle) } else { low = sequence }
    }
}

fn missing(position: Position) -> LoadError {
    let detail = "the outcome of a command names it, but it cannot be read".to_owned();
    LoadError::Read(ReadError::Corrupt { position, detail })
}

/// Refuses an outcome that belongs to another stream: then the id was used for something else.
pub(crate) fn check_stream<E: Error>(
    events: &[RecordedEvent],
    stream: &StreamId,
    command_id: CommandId,
) -> Result<(), ExecuteError<E>> {
    match events.iter().find(|event| event.stream != *stream) {
        Some(other) => {
            Err(ExecuteError::CommandIdReused { command_id, stream: other.stream.clone() })
        }
        None => Ok(()),
    }
}

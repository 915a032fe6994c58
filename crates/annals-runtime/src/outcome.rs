//! The outcome of a command that was executed before, read back from the log.

use std::error::Error;

use annals_core::{
    Appended, CommandId, EventStore, Position, Read, ReadError, RecordedEvent, StreamId,
};

use crate::error::{ExecuteError, LoadError};

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

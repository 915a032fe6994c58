//! Whether the log can be written.

use std::sync::Arc;

use annals_core::{
    Append, AppendCondition, AppendError, EventStore, EventType, Json, LimitError, NewEvent,
    Sequence, StreamId,
};

/// Goes the way of every append, to the end: the writer takes it, looks at the condition and
/// refuses it. A writer that has stopped, or a database that takes no writes, says something else.
/// A refused append leaves no trace (guarantee G7).
pub(super) async fn check(store: Arc<dyn EventStore>) -> Result<(), String> {
    let append = impossible().map_err(|error| error.to_string())?;
    match store.append(append).await {
        Err(AppendError::Conflict { .. }) => Ok(()),
        _ => Err("the log takes no writes".into()),
    }
}

/// An append to a stream that nobody uses, at the end of all sequences.
fn impossible() -> Result<Append, LimitError> {
    let stream = StreamId::new("annals.health", "write")?;
    let condition = AppendCondition::default().expect_sequence(stream.clone(), Sequence::MAX);
    let event_type = EventType::new("annals.never_written")?;
    let event = NewEvent::new(stream, event_type, 1, Json::empty_object())?;
    Append::new(vec![event], condition, None)
}

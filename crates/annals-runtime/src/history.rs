//! The events of one aggregate, typed.

use annals_core::{DomainEvent, EventEnvelope, EventStore, Read, Sequence, StreamId, codec};

use crate::error::LoadError;
use crate::page;

/// One page of an aggregate's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History<E> {
    /// The events, oldest first.
    pub events: Vec<EventEnvelope<E>>,
    /// Whether there are more after the last one.
    pub has_more: bool,
}

pub(crate) async fn history<E: DomainEvent>(
    store: &dyn EventStore,
    stream: StreamId,
    after: Sequence,
    limit: usize,
) -> Result<History<E>, LoadError> {
    // A page without events would leave the caller without a place from which to go on.
    let (page, _) = page::with_events(store, Read::stream(stream, after).limit(limit)).await?;
    let events = page.events.iter().map(codec::decode_envelope).collect::<Result<_, _>>()?;
    Ok(History { events, has_more: page.has_more })
}

//! Selecting events by streams, types and tags.

use crate::event::{EventType, RecordedEvent};
use crate::limits::{
    LimitError, QUERY_ITEMS_MAX, QUERY_STREAMS_MAX, QUERY_TAGS_MAX, QUERY_TYPES_MAX, check_count,
};
use crate::stream::StreamId;
use crate::tag::Tag;

/// Selects events: those that match at least one of its items.
///
/// [`EventQuery::all`] has no items and selects every event.
///
/// The model is that of "dynamic consistency boundaries" (<https://dcb.events>), with streams as a
/// third dimension, so that a decision can also read aggregates that carry no tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    items: Vec<QueryItem>,
}

impl EventQuery {
    /// Every event of the log.
    #[must_use]
    pub const fn all() -> Self {
        Self { items: Vec::new() }
    }

    /// Events that match at least one of `items`.
    ///
    /// # Errors
    ///
    /// [`LimitError::Empty`] without items or with an item that names nothing (use
    /// [`EventQuery::all`] to mean everything); [`LimitError::TooMany`] above
    /// [`QUERY_ITEMS_MAX`] items, or within an item above [`QUERY_STREAMS_MAX`],
    /// [`QUERY_TYPES_MAX`] or [`QUERY_TAGS_MAX`].
    pub fn any_of(items: impl IntoIterator<Item = QueryItem>) -> Result<Self, LimitError> {
        let items: Vec<_> = items.into_iter().collect();
        if items.is_empty() {
            return Err(LimitError::Empty { what: "query" });
        }
        check_count("items in a query", items.len(), QUERY_ITEMS_MAX)?;
        for item in &items {
            if item.streams.is_empty() && item.types.is_empty() && item.tags.is_empty() {
                return Err(LimitError::Empty { what: "query item" });
            }
            check_count("streams in a query item", item.streams.len(), QUERY_STREAMS_MAX)?;
            check_count("types in a query item", item.types.len(), QUERY_TYPES_MAX)?;
            check_count("tags in a query item", item.tags.len(), QUERY_TAGS_MAX)?;
        }
        Ok(Self { items })
    }

    /// The alternatives; none means every event.
    #[must_use]
    pub fn items(&self) -> &[QueryItem] {
        &self.items
    }

    /// Whether the query selects `event`. This is the definition that every store's indexes must
    /// agree with.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        self.items.is_empty() || self.items.iter().any(|item| item.matches(event))
    }
}

/// One alternative of a query: any of the streams, and any of the types, and all of the tags.
/// A dimension left empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryItem {
    streams: Vec<StreamId>,
    types: Vec<EventType>,
    tags: Vec<Tag>,
}

impl QueryItem {
    /// An item that names nothing yet; give it streams, types or tags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stream: an event must belong to one of the streams.
    #[must_use]
    pub fn stream(mut self, stream: StreamId) -> Self {
        if !self.streams.contains(&stream) {
            self.streams.push(stream);
        }
        self
    }

    /// Adds an event type: an event must have one of the types.
    #[must_use]
    pub fn event_type(mut self, event_type: EventType) -> Self {
        if !self.types.contains(&event_type) {
            self.types.push(event_type);
        }
        self
    }

    /// Adds a tag: an event must carry all of the tags.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// The streams, any of which will do.
    #[must_use]
    pub fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    /// The types, any of which will do.
    #[must_use]
    pub fn types(&self) -> &[EventType] {
        &self.types
    }

    /// The tags, all of which are needed.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Whether the item selects `event`.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        (self.streams.is_empty() || self.streams.contains(&event.stream))
            && (self.types.is_empty() || self.types.contains(&event.event_type))
            && self.tags.iter().all(|tag| event.tags.contains(tag))
    }
}

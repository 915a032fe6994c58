//! An event before it is written, after it was read, and typed.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::EventId;
use crate::json::{FormError, Json};
use crate::limits::{
    EVENT_TAGS_MAX, EVENT_TYPE_BYTES_MAX, EVENT_VERSION_MAX, LimitError, METADATA_BYTES_MAX,
    NAME_CHARACTERS, PAYLOAD_BYTES_MAX, check_count, check_length, check_text, is_name_character,
};
use crate::metadata::Metadata;
use crate::position::{Position, Sequence};
use crate::stream::StreamId;
use crate::tag::Tag;

/// The stable name of a kind of event, e.g. `money_deposited`.
///
/// At most [`EVENT_TYPE_BYTES_MAX`] bytes of `a-z A-Z 0-9 _ - . :`. It is written with every event
/// and read for as long as the log exists. Cloning shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EventType(Arc<str>);

impl EventType {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if it is empty, too long or has a character not allowed.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, LimitError> {
        let name = name.into();
        check_text("event type", &name, EVENT_TYPE_BYTES_MAX, NAME_CHARACTERS, is_name_character)?;
        Ok(Self(name))
    }

    /// Takes a name that a store wrote earlier from an event type of its own.
    ///
    /// For implementations of stores: it is not checked again, so text from anywhere else belongs
    /// into [`EventType::new`].
    #[must_use]
    pub fn from_stored(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventType {
    type Error = LimitError;

    fn try_from(name: String) -> Result<Self, LimitError> {
        Self::new(name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// An event that is about to be written. The store adds position, sequence and timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    stream: StreamId,
    event_type: EventType,
    event_version: u32,
    event_id: EventId,
    payload: Json,
    metadata: Json,
    tags: Vec<Tag>,
}

impl NewEvent {
    /// An event with a fresh id, empty metadata and no tags.
    ///
    /// Users of aggregates do not call this: `DomainEvent` types are encoded for them.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if `event_version` is outside 1 to [`EVENT_VERSION_MAX`] or the payload has
    /// more than [`PAYLOAD_BYTES_MAX`] bytes.
    pub fn new(
        stream: StreamId,
        event_type: EventType,
        event_version: u32,
        payload: Json,
    ) -> Result<Self, LimitError> {
        if event_version == 0 || event_version > EVENT_VERSION_MAX {
            return Err(LimitError::OutOfRange {
                what: "event version",
                value: event_version.into(),
                min: 1,
                max: EVENT_VERSION_MAX.into(),
            });
        }
        check_length("payload", payload.as_str().len(), PAYLOAD_BYTES_MAX)?;
        Ok(Self {
            stream,
            event_type,
            event_version,
            event_id: EventId::new(),
            payload,
            metadata: Json::empty_object(),
            tags: Vec::new(),
        })
    }

    /// Sets the id, for events that already have one elsewhere.
    ///
    /// Whoever sets it sees to it that no two events share one: no store compares it with those
    /// that are there, because that would cost each append a look into the whole log.
    #[must_use]
    pub fn with_event_id(mut self, event_id: EventId) -> Self {
        self.event_id = event_id;
        self
    }

    /// Sets the metadata, usually from [`Metadata::to_json`].
    ///
    /// # Errors
    ///
    /// [`LimitError::TooLong`] above [`METADATA_BYTES_MAX`] bytes.
    pub fn with_metadata(mut self, metadata: Json) -> Result<Self, LimitError> {
        check_length("metadata", metadata.as_str().len(), METADATA_BYTES_MAX)?;
        self.metadata = metadata;
        Ok(self)
    }

    /// Sets the tags. They are kept sorted and without duplicates.
    ///
    /// # Errors
    ///
    /// [`LimitError::TooMany`] above [`EVENT_TAGS_MAX`].
    pub fn with_tags(mut self, mut tags: Vec<Tag>) -> Result<Self, LimitError> {
        tags.sort();
        tags.dedup();
        check_count("tags on an event", tags.len(), EVENT_TAGS_MAX)?;
        self.tags = tags;
        Ok(self)
    }

    /// The stream it will belong to.
    #[must_use]
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Its stable name.
    #[must_use]
    pub fn event_type(&self) -> &EventType {
        &self.event_type
    }

    /// The shape of its payload.
    #[must_use]
    pub fn event_version(&self) -> u32 {
        self.event_version
    }

    /// Its id.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        self.event_id
    }

    /// What happened, as JSON.
    #[must_use]
    pub fn payload(&self) -> &Json {
        &self.payload
    }

    /// What accompanies it, as JSON.
    #[must_use]
    pub fn metadata(&self) -> &Json {
        &self.metadata
    }

    /// Its tags, sorted, each once.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Bytes of payload and metadata: what counts against the bounds of appends and batches.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        self.payload.as_str().len() + self.metadata.as_str().len()
    }

    /// The event as it will be read, once a store has given it its place.
    #[must_use]
    pub fn recorded_at(
        self,
        position: Position,
        sequence: Sequence,
        timestamp: DateTime<Utc>,
    ) -> RecordedEvent {
        RecordedEvent {
            position,
            stream: self.stream,
            sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            event_id: self.event_id,
            payload: self.payload,
            metadata: self.metadata,
            tags: self.tags,
            timestamp,
        }
    }
}

/// An event as it stands in the log, not yet decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedEvent {
    /// Its place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Its stable name.
    pub event_type: EventType,
    /// The shape of its payload.
    pub event_version: u32,
    /// Its id.
    pub event_id: EventId,
    /// What happened.
    pub payload: Json,
    /// What accompanies it; [`Metadata`] for events written by executing commands.
    pub metadata: Json,
    /// Its tags, sorted, each once.
    pub tags: Vec<Tag>,
    /// When the store wrote it, in whole microseconds, never earlier than the event before it.
    pub timestamp: DateTime<Utc>,
}

impl RecordedEvent {
    /// SHA-256 over everything that was recorded, the same on every store (G12).
    ///
    /// Fields in the order of the struct; numbers as 8 bytes big-endian (the timestamp as
    /// microseconds since 1970), texts preceded by their length in such a number, tags preceded by
    /// how many there are.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let number = |hash: &mut Sha256, value: u64| hash.update(value.to_be_bytes());
        let text = |hash: &mut Sha256, value: &str| {
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value.as_bytes());
        };
        number(&mut hash, self.position.get());
        text(&mut hash, self.stream.aggregate_type());
        text(&mut hash, self.stream.aggregate_id());
        number(&mut hash, self.sequence.get());
        text(&mut hash, self.event_type.as_str());
        number(&mut hash, self.event_version.into());
        hash.update(self.event_id.as_uuid().as_bytes());
        text(&mut hash, self.payload.as_str());
        text(&mut hash, self.metadata.as_str());
        number(&mut hash, self.tags.len() as u64);
        for tag in &self.tags {
            text(&mut hash, tag.as_str());
        }
        hash.update(self.timestamp.timestamp_micros().to_be_bytes());
        hash.finalize().into()
    }

    /// The metadata in its usual form.
    ///
    /// # Errors
    ///
    /// [`FormError`] if the event was written with metadata of another form.
    pub fn read_metadata(&self) -> Result<Metadata, FormError> {
        self.metadata.read()
    }
}

/// An event with its place, typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventEnvelope<E> {
    /// Its place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Its id.
    pub event_id: EventId,
    /// When the store wrote it.
    pub timestamp: DateTime<Utc>,
    /// What accompanies it.
    pub metadata: Metadata,
    /// What happened.
    pub event: E,
}

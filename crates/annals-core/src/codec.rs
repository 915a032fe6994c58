//! The one place where typed events become recorded ones and back.
//!
//! Everything that reads events passes through [`decode`], which knows name and version. That is
//! where older versions are upcast, and where an event that does not decode becomes an error that
//! says which one it was.

mod names;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;

use thiserror::Error;

pub use names::{EventNames, join_names, share_no_name};
pub use read::read_variant;
pub use write::write_variant;

use crate::append::BoxError;
use crate::domain_event::{DomainEvent, EventKind};
use crate::event::{EventEnvelope, EventType, NewEvent, RecordedEvent};
use crate::json::{FormError, Json, JsonError};
use crate::limits::{LimitError, PAYLOAD_BYTES_MAX};
use crate::position::Position;
use crate::stream::StreamId;

/// What `serde_json` says when an event does not fit its JSON. Named here so that derived code
/// needs no dependency of its own on `serde_json`.
pub type CodecError = serde_json::Error;

const NOT_AN_ENUM: &str = "a domain event must be an enum in serde's default form, \
                           without the attributes tag, content and untagged";

/// The error of a union that is asked to read a kind none of its parts has.
///
/// For derived code; [`decode`] never gets there, because it asks the same union for the kind.
#[must_use]
pub fn foreign_kind(kind: &EventKind) -> CodecError {
    serde::de::Error::custom(format_args!("{} is not a kind of this union", kind.name))
}

/// Makes `event` ready to be written to `stream`.
///
/// # Errors
///
/// [`JsonError`] if the event has no JSON form or exceeds a bound; nothing can be written until
/// the command or the type is changed.
pub fn encode<E: DomainEvent>(
    stream: &StreamId,
    event: &E,
    metadata: &Json,
) -> Result<NewEvent, JsonError> {
    let kind = event.kind();
    let text =
        event.write_payload().map_err(|source| JsonError::Syntax { what: "payload", source })?;
    let payload = Json::checked("payload", text, PAYLOAD_BYTES_MAX)?;
    let event_type = EventType::new(kind.name)?;
    let new = NewEvent::new(stream.clone(), event_type, kind.version, payload)?
        .with_metadata(metadata.clone())?
        .with_tags(event.tags()?)?;
    Ok(new)
}

/// Reads `recorded` as one of `E`'s events, upcasting it if it is older than the code.
///
/// # Errors
///
/// [`DecodeError`], which names position, type and version. An event that does not decode must
/// stop or park its reader; it is never skipped.
pub fn decode<E: DomainEvent>(recorded: &RecordedEvent) -> Result<E, DecodeError> {
    decode_payload(recorded.event_type.as_str(), recorded.event_version, &recorded.payload)
        .map_err(|problem| DecodeError::new(recorded, problem))
}

/// As [`decode`], with place and metadata.
///
/// # Errors
///
/// As [`decode`]; also if the metadata has a form of its own.
pub fn decode_envelope<E: DomainEvent>(
    recorded: &RecordedEvent,
) -> Result<EventEnvelope<E>, DecodeError> {
    Ok(EventEnvelope {
        event: decode(recorded)?,
        position: recorded.position,
        stream: recorded.stream.clone(),
        sequence: recorded.sequence,
        event_id: recorded.event_id,
        timestamp: recorded.timestamp,
        metadata: recorded
            .read_metadata()
            .map_err(|source| DecodeError::new(recorded, DecodeProblem::Metadata(source)))?,
    })
}

pub(crate) fn decode_payload<E: DomainEvent>(
    event_type: &str,
    version: u32,
    payload: &Json,
) -> Result<E, DecodeProblem> {
    let kind = E::find_kind(event_type).ok_or(DecodeProblem::UnknownType)?;
    let current = if version == kind.version {
        Cow::Borrowed(payload.as_str())
    } else {
        Cow::Owned(upcast(kind, version, payload)?)
    };
    E::read_payload(kind, &current).map_err(|error| DecodeProblem::Payload(error.into()))
}

fn upcast(kind: &EventKind, version: u32, payload: &Json) -> Result<String, DecodeProblem> {
    if version > kind.version {
        return Err(DecodeProblem::NewerVersion { known: kind.version });
    }
    let mut value: serde_json::Value = payload.read().map_err(DecodeProblem::Payload)?;
    for from_version in version..kind.version {
        let upcaster = kind
            .upcasters
            .iter()
            .find(|upcaster| upcaster.from_version == from_version)
            .ok_or(DecodeProblem::NoUpcaster { from_version })?;
        value = (upcaster.upcast)(value)
            .map_err(|source| DecodeProblem::Upcast { from_version, source: untold(source) })?;
    }
    Ok(value.to_string())
}

/// What `serde_json` says quotes the payload, so that is replaced.
fn untold(error: BoxError) -> BoxError {
    match error.downcast::<serde_json::Error>() {
        Ok(error) => FormError::from(*error).into(),
        Err(other) => other,
    }
}

/// A recorded event could not be read as a typed one.
#[derive(Debug, Error)]
#[error("event {event_type} version {event_version} at position {position} does not decode")]
#[non_exhaustive]
pub struct DecodeError {
    /// Where it stands.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its name.
    pub event_type: EventType,
    /// The version it was written with.
    pub event_version: u32,
    /// What is in the way.
    #[source]
    pub problem: DecodeProblem,
}

impl DecodeError {
    fn new(recorded: &RecordedEvent, problem: DecodeProblem) -> Self {
        Self {
            position: recorded.position,
            stream: recorded.stream.clone(),
            event_type: recorded.event_type.clone(),
            event_version: recorded.event_version,
            problem,
        }
    }
}

/// Why an event did not decode.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// No kind has this name. Add the variant, or an alias if it was renamed.
    #[error("no kind or alias has this name")]
    UnknownType,
    /// The event was written by newer code. Deploy that code here too.
    #[error("it is newer than this code, which knows versions up to {known}")]
    NewerVersion {
        /// The newest version this code knows.
        known: u32,
    },
    /// An old version cannot be lifted. Add an upcaster.
    #[error("there is no upcaster from version {from_version}")]
    NoUpcaster {
        /// The version at which the way ends.
        from_version: u32,
    },
    /// An upcaster failed. Mend it: it must take every payload that was ever written.
    #[error("the upcaster from version {from_version} failed")]
    Upcast {
        /// The version it reads.
        from_version: u32,
        /// What it says.
        #[source]
        source: BoxError,
    },
    /// The fields have another form than the type. The type was changed without a new version.
    #[error("the payload has another form than the type")]
    Payload(#[source] FormError),
    /// The metadata has a form of its own.
    #[error("the metadata has another form than the usual one")]
    Metadata(#[source] FormError),
}

/// The query item that selects the kinds of `E`, aliases included.
///
/// # Errors
///
/// [`LimitError`] if a name is not a valid event type.
pub fn event_types<E: DomainEvent>() -> Result<Vec<EventType>, LimitError> {
    E::kinds()
        .into_iter()
        .flat_map(|kind| std::iter::once(&kind.name).chain(kind.aliases))
        .map(|name| EventType::new(*name))
        .collect()
}

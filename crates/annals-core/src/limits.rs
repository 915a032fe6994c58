//! Every bound of the vocabulary, in one place, and the error that names the one exceeded.
//!
//! The types of this crate enforce these bounds when a value is made, so a store never sees a
//! value outside them and every store refuses exactly the same input.

use thiserror::Error;

/// Longest aggregate type, in bytes.
pub const AGGREGATE_TYPE_BYTES_MAX: usize = 64;
/// Longest aggregate id, in bytes.
pub const AGGREGATE_ID_BYTES_MAX: usize = 255;
/// Longest event type, in bytes.
pub const EVENT_TYPE_BYTES_MAX: usize = 128;
/// Highest event version; versions start at 1.
pub const EVENT_VERSION_MAX: u32 = 65_535;
/// Longest tag, in bytes, key and colon included.
pub const TAG_BYTES_MAX: usize = 255;
/// Most tags on one event. Each one is an index entry that the writer pays for.
pub const EVENT_TAGS_MAX: usize = 16;
/// Largest payload of one event, in bytes of JSON text. Large documents belong in object storage,
/// with their address and digest in the event.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Largest metadata of one event, in bytes of JSON text.
pub const METADATA_BYTES_MAX: usize = 32 * 1024;
/// Longest actor, in bytes.
pub const ACTOR_BYTES_MAX: usize = 255;
/// Most free headers in metadata.
pub const HEADERS_MAX: usize = 32;
/// Longest key of a header, in bytes.
pub const HEADER_KEY_BYTES_MAX: usize = 64;
/// Longest value of a header, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 512;
/// Longest W3C `tracestate`, in bytes: what the specification asks every implementation to carry.
pub const TRACESTATE_BYTES_MAX: usize = 512;
/// Deepest nesting of a payload. The usual readers of JSON stop at 128, and an event that can be
/// written but not read again would be worse than a refusal.
pub const JSON_DEPTH_MAX: usize = 100;
/// Most events in one append.
pub const APPEND_EVENTS_MAX: usize = 1_000;
/// Most bytes of payload and metadata in one append. Bounds the memory of a writer's batch.
pub const APPEND_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most streams an append condition may name.
pub const CONDITION_STREAMS_MAX: usize = 100;
/// Most alternatives in a query.
pub const QUERY_ITEMS_MAX: usize = 32;
/// Most event types in one alternative of a query.
pub const QUERY_TYPES_MAX: usize = 64;
/// Most tags in one alternative of a query.
pub const QUERY_TAGS_MAX: usize = EVENT_TAGS_MAX;
/// Most streams in one alternative of a query.
pub const QUERY_STREAMS_MAX: usize = 64;
/// Most events in one page.
pub const PAGE_EVENTS_MAX: usize = 5_000;
/// Page size of a read that does not say: large enough to amortise a round trip.
pub const PAGE_EVENTS_DEFAULT: usize = 1_000;
/// Bytes of payload and metadata after which a page ends, even below its number of events. A page
/// holds at least one event, so it can exceed this by that event.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest state of one snapshot, in bytes of JSON text. A larger state is replayed instead.
pub const SNAPSHOT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest name of a projection, in bytes: with the number of a generation it must fit into the 63
/// bytes of a name in PostgreSQL.
pub const PROJECTION_NAME_BYTES_MAX: usize = 48;
/// Most partitions of a projection.
pub const PARTITIONS_MAX: u16 = 256;
/// Most steps that a saga decides on one input.
pub const SAGA_STEPS_MAX: usize = 100;
/// Most timers that are set, and most steps that are open, in one instance of a saga.
pub const SAGA_OPEN_MAX: usize = 1_000;
/// Most steps of one instance of a saga that may have to be compensated: those done, and those open
/// with a compensation. All of them are part of the instance's state.
pub const SAGA_COMPENSATIONS_MAX: usize = 1_000;
/// Longest key of a document and longest text in an index of documents, in bytes.
pub const DOCUMENT_KEY_BYTES_MAX: usize = 512;
/// Largest document, in bytes of JSON text. Each change writes it whole.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most indexes of one kind of documents.
pub const DOCUMENT_INDEXES_MAX: usize = 8;
/// Most documents and dead letters in one page.
pub const LIST_ITEMS_MAX: usize = 1_000;

/// A value is outside a documented bound. Nothing was written.
///
/// The value must be changed by whoever supplied it; repeating the call cannot succeed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Text or JSON is longer than allowed.
    #[error("{what} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// The part of the vocabulary that was exceeded, e.g. `aggregate id`.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// There are more of something than allowed.
    #[error("{count} {what}, at most {count_max} are allowed")]
    TooMany {
        /// What was counted, e.g. `tags on an event`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The bound.
        count_max: usize,
    },
    /// A number is outside its range.
    #[error("{what} is {value}, allowed are {min} to {max}")]
    OutOfRange {
        /// The number that is meant, e.g. `position`.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The lowest allowed value.
        min: u64,
        /// The highest allowed value.
        max: u64,
    },
    /// Something that must have content is empty.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// A character is not allowed at this place.
    #[error("{what} contains {character:?} at byte {at}, allowed are {allowed}")]
    Character {
        /// Where the character stands, e.g. `event type`.
        what: &'static str,
        /// The character.
        character: char,
        /// Its offset in bytes.
        at: usize,
        /// What would have been allowed, in words.
        allowed: &'static str,
    },
    /// Text does not have the required form.
    #[error("{what} is not {expected}")]
    Form {
        /// What was to be read.
        what: &'static str,
        /// The expected form, in words.
        expected: &'static str,
    },
    /// JSON is nested deeper than [`JSON_DEPTH_MAX`].
    #[error("{what} is nested more than {depth_max} levels deep")]
    TooDeep {
        /// The JSON that is meant.
        what: &'static str,
        /// The bound.
        depth_max: usize,
    },
    /// A string inside JSON contains the NUL character, which databases cannot query.
    #[error(
        "{what} contains the NUL character (\\u0000) inside a string, which stores cannot query"
    )]
    Nul {
        /// The JSON that is meant.
        what: &'static str,
    },
}

/// What is wrong with a piece of text, given its bounds; `Ok` if nothing is.
pub(crate) fn check_text(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), LimitError> {
    if text.is_empty() {
        return Err(LimitError::Empty { what });
    }
    check_length(what, text.len(), bytes_max)?;
    match text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        Some((at, character)) => Err(LimitError::Character { what, character, at, allowed }),
        None => Ok(()),
    }
}

pub(crate) fn check_length(
    what: &'static str,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), LimitError> {
    if bytes > bytes_max {
        return Err(LimitError::TooLong { what, bytes, bytes_max });
    }
    Ok(())
}

pub(crate) fn check_count(
    what: &'static str,
    count: usize,
    count_max: usize,
) -> Result<(), LimitError> {
    if count > count_max {
        return Err(LimitError::TooMany { what, count, count_max });
    }
    Ok(())
}

/// Letters of names that end up in columns, logs and metrics alike.
pub(crate) const NAME_CHARACTERS: &str = "a to z, A to Z, 0 to 9 and _ - . :";

pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | ':')
}

//! Which aggregate an event belongs to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{
    AGGREGATE_ID_BYTES_MAX, AGGREGATE_TYPE_BYTES_MAX, LimitError, NAME_CHARACTERS, check_text,
    is_name_character,
};

/// Names one stream: an aggregate type and the id of one aggregate of that type.
///
/// Cloning shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "StreamIdParts")]
pub struct StreamId {
    aggregate_type: Arc<str>,
    aggregate_id: Arc<str>,
}

#[derive(Deserialize)]
struct StreamIdParts {
    aggregate_type: String,
    aggregate_id: String,
}

impl TryFrom<StreamIdParts> for StreamId {
    type Error = LimitError;

    fn try_from(parts: StreamIdParts) -> Result<Self, LimitError> {
        Self::new(parts.aggregate_type, parts.aggregate_id)
    }
}

impl StreamId {
    /// Makes a stream id.
    ///
    /// The type is a name of at most [`AGGREGATE_TYPE_BYTES_MAX`] bytes of `a-z A-Z 0-9 _ - . :`;
    /// the id is any text of at most [`AGGREGATE_ID_BYTES_MAX`] bytes without control characters.
    ///
    /// # Errors
    ///
    /// [`LimitError`], naming the part that is empty, too long or has a character not allowed.
    pub fn new(
        aggregate_type: impl Into<Arc<str>>,
        aggregate_id: impl Into<Arc<str>>,
    ) -> Result<Self, LimitError> {
        let (aggregate_type, aggregate_id) = (aggregate_type.into(), aggregate_id.into());
        check_text(
            "aggregate type",
            &aggregate_type,
            AGGREGATE_TYPE_BYTES_MAX,
            NAME_CHARACTERS,
            is_name_character,
        )?;
        check_text(
            "aggregate id",
            &aggregate_id,
            AGGREGATE_ID_BYTES_MAX,
            "all but control characters",
            |character| !character.is_control(),
        )?;
        Ok(Self { aggregate_type, aggregate_id })
    }

    /// Takes names that a store wrote earlier from a stream id of its own.
    ///
    /// For implementations of stores: nothing is checked again, so text from anywhere else belongs
    /// into [`StreamId::new`].
    #[must_use]
    pub fn from_stored(
        aggregate_type: impl Into<Arc<str>>,
        aggregate_id: impl Into<Arc<str>>,
    ) -> Self {
        Self { aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() }
    }

    /// The aggregate's type, e.g. `account`.
    #[must_use]
    pub fn aggregate_type(&self) -> &str {
        &self.aggregate_type
    }

    /// The aggregate's id.
    #[must_use]
    pub fn aggregate_id(&self) -> &str {
        &self.aggregate_id
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}

//! Tags: what an event is about, beyond the aggregate that wrote it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{LimitError, TAG_BYTES_MAX, check_text, is_name_character};

/// Says what an event is about, as `key:value`, so that a query can select it across streams.
///
/// The key is a name without a colon; the value is any text without control characters. Key, colon
/// and value together have at most [`TAG_BYTES_MAX`] bytes. Cloning shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Arc<str>);

impl Tag {
    /// Makes the tag `key:value`.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if a part is empty, the whole is too long or a character is not allowed.
    pub fn new(key: &str, value: impl fmt::Display) -> Result<Self, LimitError> {
        // A colon would end the key early: `("a", "b:c")` and `("a:b", "c")` are not the same.
        check_key(key)?;
        Self::parse(format!("{key}:{value}"))
    }

    /// Takes text of the form `key:value`.
    ///
    /// # Errors
    ///
    /// As [`Tag::new`].
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, LimitError> {
        let text = text.into();
        let Some((key, _)) = text.split_once(':') else {
            return Err(LimitError::Form { what: "tag", expected: "of the form key:value" });
        };
        check_key(key)?;
        let value = text.get(key.len() + 1..).unwrap_or_default();
        check_text("tag value", value, TAG_BYTES_MAX, "all but control characters", |c| {
            !c.is_control()
        })?;
        check_text("tag", &text, TAG_BYTES_MAX, "all but control characters", |_| true)?;
        Ok(Self(text))
    }

    /// Takes text that a store wrote earlier from a tag of its own.
    ///
    /// For implementations of stores: it is not checked again, so text from anywhere else belongs
    /// into [`Tag::parse`].
    #[must_use]
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The whole tag, `key:value`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_key(key: &str) -> Result<(), LimitError> {
    check_text("tag key", key, TAG_BYTES_MAX, "a to z, A to Z, 0 to 9 and _ - .", |c| {
        c != ':' && is_name_character(c)
    })
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<String> for Tag {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        Self::parse(text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colon_ends_the_key_and_nothing_else_does() {
        assert_eq!(Tag::new("a", "b:c").unwrap().as_str(), "a:b:c");
        let error = Tag::new("a:b", "c").unwrap_err().to_string();
        assert!(error.starts_with("tag key contains ':' at byte 1"), "{error}");
        assert!(Tag::new("", "c").is_err());
        assert!(Tag::parse("no colon").is_err());
    }
}

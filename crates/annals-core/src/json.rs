//! JSON text that has been checked once and is never rewritten.

mod finite;
mod form;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

pub(crate) use finite::Finite;
pub use form::FormError;
pub(crate) use form::INSIDE;

use crate::limits::{JSON_DEPTH_MAX, LimitError, check_length};

/// One JSON value, kept as the text it was written as.
///
/// A store keeps the text and gives the same text back, so that numbers of any size, the order of
/// keys and every escape survive (G12). The text is valid JSON, nested at most [`JSON_DEPTH_MAX`]
/// levels, and no string in it contains the NUL character. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Arc<str>);

/// Why a value did not become [`Json`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON, or the value cannot be written as JSON (a map whose keys are not
    /// text, say). Change the type or its `serde` attributes.
    #[error("{what} cannot be written as JSON")]
    Syntax {
        /// The JSON that is meant.
        what: &'static str,
        /// What `serde_json` says.
        #[source]
        source: serde_json::Error,
    },
    /// A documented bound was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl Json {
    /// Writes `value` as JSON of at most `bytes_max` bytes. `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`JsonError::Syntax`] if `value` has no JSON form (a float that is not finite has none),
    /// [`JsonError::Limit`] if the text is too long or too deep or contains NUL.
    pub fn write(
        what: &'static str,
        value: &impl Serialize,
        bytes_max: usize,
    ) -> Result<Self, JsonError> {
        let mut text = Vec::with_capacity(128);
        value
            .serialize(Finite(&mut serde_json::Serializer::new(&mut text)))
            .map_err(|source| JsonError::Syntax { what, source })?;
        let text = String::from_utf8(text).expect("serde_json writes UTF-8");
        Self::checked(what, text, bytes_max)
    }

    /// Takes `text`, which must be one JSON value of at most `bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// As [`Json::write`].
    pub fn parse(
        what: &'static str,
        text: impl Into<String>,
        bytes_max: usize,
    ) -> Result<Self, JsonError> {
        let text = text.into();
        check_length(what, text.len(), bytes_max)?;
        // The depth comes first: the parser below has a limit of its own, with a poorer message.
        check_content(what, &text)?;
        serde_json::from_str::<&RawValue>(&text)
            .map_err(|source| JsonError::Syntax { what, source })?;
        Ok(Self(text.into()))
    }

    /// Takes text that a store wrote earlier from a `Json` of its own.
    ///
    /// For implementations of stores: it is not checked again, so text from anywhere else belongs
    /// into [`Json::parse`]. A text damaged on disk shows up as an error when it is decoded.
    #[must_use]
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the value as `T`.
    ///
    /// # Errors
    ///
    /// [`FormError`] if the value has another form.
    pub fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, FormError> {
        Ok(serde_json::from_str(&self.0)?)
    }

    /// The empty object, `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self(Arc::from("{}"))
    }

    pub(crate) fn checked(
        what: &'static str,
        text: String,
        bytes_max: usize,
    ) -> Result<Self, JsonError> {
        check_length(what, text.len(), bytes_max)?;
        check_content(what, &text)?;
        Ok(Self(text.into()))
    }
}

/// Depth and NUL in one pass over the bytes.
fn check_content(what: &'static str, text: &str) -> Result<(), LimitError> {
    let (mut depth, mut in_string, mut bytes) = (0_usize, false, text.as_bytes().iter());
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => {
                if bytes.as_slice().starts_with(b"u0000") {
                    return Err(LimitError::Nul { what });
                }
                bytes.next();
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(LimitError::TooDeep { what, depth_max: JSON_DEPTH_MAX });
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Json {
    /// As the value itself, not as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = self.read().map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Box::<RawValue>::deserialize(deserializer)?;
        check_content("JSON", value.get()).map_err(serde::de::Error::custom)?;
        Ok(Self(value.get().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_only_where_it_is_meant() {
        assert!(Json::parse("payload", r#"{"a":"x\u0000"}"#, 100).is_err());
        // An escaped backslash followed by the letters u0000.
        assert!(Json::parse("payload", r#"{"a":"x\\u0000"}"#, 100).is_ok());
        assert!(Json::parse("payload", r#"{"a":"\\\u0000"}"#, 100).is_err());
        assert!(Json::parse("payload", r#"{"\u0000":1}"#, 100).is_err());
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse("payload", nested(JSON_DEPTH_MAX), 10_000).is_ok());
        assert!(matches!(
            Json::parse("payload", nested(JSON_DEPTH_MAX + 1), 10_000),
            Err(JsonError::Limit(LimitError::TooDeep { .. }))
        ));
        assert!(Json::parse("payload", format!("\"{}\"", "[".repeat(500)), 10_000).is_ok());
    }

    #[test]
    fn text_is_kept_to_the_letter() {
        let text = r#"{"b":1e400,"a":123456789012345678901234567890,"b":2,"c":1.10}"#;
        assert_eq!(Json::parse("payload", text, 100).unwrap().as_str(), text);
    }
}

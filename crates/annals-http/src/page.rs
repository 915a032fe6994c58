//! Lists in pages: how long one is, and where the next one begins.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// How many items a page has at most: 1 to `MAX`, and `DEFAULT` if nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit<const DEFAULT: usize = 100, const MAX: usize = 1_000>(usize);

/// A page is not to be that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit is 1 to {items_max}")]
pub struct PageLimitError {
    /// The longest that is possible.
    pub items_max: usize,
}

impl<const DEFAULT: usize, const MAX: usize> PageLimit<DEFAULT, MAX> {
    /// How many.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

impl<const DEFAULT: usize, const MAX: usize> Default for PageLimit<DEFAULT, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const DEFAULT: usize, const MAX: usize> TryFrom<usize> for PageLimit<DEFAULT, MAX> {
    type Error = PageLimitError;

    fn try_from(items: usize) -> Result<Self, PageLimitError> {
        match items {
            items if (1..=MAX).contains(&items) => Ok(Self(items)),
            _ => Err(PageLimitError { items_max: MAX }),
        }
    }
}

impl<'de, const DEFAULT: usize, const MAX: usize> Deserialize<'de> for PageLimit<DEFAULT, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        usize::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// A place in a list: the next page begins after it.
///
/// `T` is the key of the last item, so that a page costs the same wherever it is and misses nothing
/// that was there all the time. For callers it is text that they hand back: what is in it may
/// change. It is not secret, and not signed: whatever it says must be as harmless as a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<T>(pub T);

/// Longest text of a cursor, in bytes. Keys are short.
const CURSOR_BYTES_MAX: usize = 2_048;

/// Text is no place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is not a place in this list, as a page of it named one")]
pub struct CursorError;

impl<T: Serialize> fmt::Display for Cursor<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?;
        formatter.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

impl<T: DeserializeOwned> FromStr for Cursor<T> {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > CURSOR_BYTES_MAX {
            return Err(CursorError);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        serde_json::from_slice(&json).map(Self).map_err(|_| CursorError)
    }
}

impl<T: Serialize> Serialize for Cursor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Cursor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_same_place() {
        let place = Cursor(("alice/b".to_owned(), u64::MAX));
        let text = place.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(text.parse(), Ok(place));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "1", "%", "bnVsbA==", &"A".repeat(CURSOR_BYTES_MAX + 1)] {
            assert_eq!(text.parse::<Cursor<u64>>(), Err(CursorError), "{text}");
        }
    }

    #[test]
    fn a_limit_is_in_its_range() {
        type Limit = PageLimit<10, 20>;
        assert_eq!(Limit::default().get(), 10);
        assert_eq!(serde_json::from_str::<Limit>("20").unwrap().get(), 20);
        for text in ["0", "21", "-1", "1.5", "\"5\"", "99999999999999999999"] {
            assert!(serde_json::from_str::<Limit>(text).is_err(), "{text}");
        }
    }
}

//! The name of an account's owner.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest name, in characters.
const CHARACTERS_MAX: usize = 200;

/// A name: 1 to 200 characters without control characters, and no space around them.
///
/// What stands in the log is read back as it is: rules that become stricter must not make old
/// events unreadable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerName(String);

/// Text is no name of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OwnerNameError {
    /// There is nothing but space.
    #[error("the owner's name is empty")]
    Empty,
    /// It is too long.
    #[error("the owner's name has {characters} characters, at most {CHARACTERS_MAX} are allowed")]
    TooLong {
        /// How many there are.
        characters: usize,
    },
    /// It contains what no name contains, such as NUL or a line break.
    #[error("the owner's name contains a control character")]
    ControlCharacter,
}

impl OwnerName {
    /// Takes text without the space around it.
    ///
    /// # Errors
    ///
    /// [`OwnerNameError`], saying what is wrong with it.
    pub fn new(text: &str) -> Result<Self, OwnerNameError> {
        // Before trimming, because line breaks and tabs count as space.
        if text.chars().any(char::is_control) {
            return Err(OwnerNameError::ControlCharacter);
        }
        let name = text.trim();
        match name.chars().count() {
            0 => Err(OwnerNameError::Empty),
            characters if characters > CHARACTERS_MAX => {
                Err(OwnerNameError::TooLong { characters })
            }
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnerName {
    type Err = OwnerNameError;

    fn from_str(text: &str) -> Result<Self, OwnerNameError> {
        Self::new(text)
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_space_around_them_and_nothing_else() {
        assert_eq!(OwnerName::new("  Alice B. ").unwrap().as_str(), "Alice B.");
        assert_eq!(
            OwnerName::new("\u{17d}ofie O'Brien \u{674e}").unwrap().as_str(),
            "\u{17d}ofie O'Brien \u{674e}"
        );
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        let longest = "\u{17e}".repeat(CHARACTERS_MAX);
        assert!(OwnerName::new(&longest).is_ok());
        let error = OwnerName::new(&format!("{longest}x")).unwrap_err();
        assert_eq!(error, OwnerNameError::TooLong { characters: 201 });
    }

    #[test]
    fn empty_names_and_control_characters_are_refused() {
        assert_eq!(OwnerName::new(" \u{a0} "), Err(OwnerNameError::Empty));
        for text in ["A\0lice", "\nAlice", "Alice\t", "\u{1b}[31mAlice", "\u{85}"] {
            assert_eq!(OwnerName::new(text), Err(OwnerNameError::ControlCharacter), "{text:?}");
        }
    }
}

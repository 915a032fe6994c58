//! The name of an account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Longest account id, in characters: room for a UUID or an account number with its bank.
const CHARACTERS_MAX: usize = 64;

/// Names one account: 1 to 64 of `A-Z a-z 0-9 -`, so that it fits into a path as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountId(String);

/// Text is no account id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an account id has 1 to {CHARACTERS_MAX} characters of A-Z a-z 0-9 -")]
pub struct AccountIdError;

impl AccountId {
    /// Takes text as it is.
    ///
    /// # Errors
    ///
    /// [`AccountIdError`] if it is empty, too long or has a character not allowed.
    pub fn new(text: impl Into<String>) -> Result<Self, AccountIdError> {
        let text = text.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_valid = (1..=CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_valid { Ok(Self(text)) } else { Err(AccountIdError) }
    }

    /// A new one that nobody else has: a UUIDv7.
    #[must_use]
    pub fn generate() -> Self {
        Self::from(Uuid::now_v7())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uuid> for AccountId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }
}

impl TryFrom<String> for AccountId {
    type Error = AccountIdError;

    fn try_from(text: String) -> Result<Self, AccountIdError> {
        Self::new(text)
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        Self::new(text)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_numbers_and_words_are_account_ids() {
        for text in ["2378", "alice", "a", "0198c5f0-7b7e-7000-8000-000000000000", &"x".repeat(64)]
        {
            assert_eq!(AccountId::new(text).unwrap().as_str(), text);
        }
        assert!(AccountId::new(AccountId::generate().as_str()).is_ok());
    }

    #[test]
    fn whatever_could_be_taken_for_something_else_is_refused() {
        for text in ["", " ", "a b", "a/b", "..", "a\0", "a\n", "%41", "\u{e4}", &"x".repeat(65)] {
            assert_eq!(AccountId::new(text), Err(AccountIdError), "{text:?}");
        }
    }
}

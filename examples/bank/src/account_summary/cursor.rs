//! Places in the list of active accounts.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::AccountId;

/// A place in the list of active accounts: the next page begins after it. Whether the account there
/// is still in use does not matter.
///
/// Callers hand back the text they got, and must not make up their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountCursor {
    pub(super) created_at: DateTime<Utc>,
    pub(super) account_id: AccountId,
}

/// Text is no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is not a place in the list, as a page of it named one")]
pub struct AccountCursorError;

impl fmt::Display for AccountCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.created_at.timestamp_micros(), self.account_id)
    }
}

impl FromStr for AccountCursor {
    type Err = AccountCursorError;

    fn from_str(text: &str) -> Result<Self, AccountCursorError> {
        let parse = || {
            let (micros, id) = text.split_once('.')?;
            let created_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some(Self { created_at, account_id: AccountId::new(id).ok()? })
        };
        parse().ok_or(AccountCursorError)
    }
}

impl TryFrom<String> for AccountCursor {
    type Error = AccountCursorError;

    fn try_from(text: String) -> Result<Self, AccountCursorError> {
        text.parse()
    }
}

impl From<AccountCursor> for String {
    fn from(cursor: AccountCursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_the_same_place() {
        let created_at = DateTime::from_timestamp_micros(1_767_225_599_999_999).unwrap();
        let place = AccountCursor { created_at, account_id: AccountId::new("a-1").unwrap() };
        assert_eq!(place.to_string().parse(), Ok(place));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", ".", "1", "1.", ".a", "x.a", "1.a/b", "99999999999999999999.a"] {
            assert_eq!(text.parse::<AccountCursor>(), Err(AccountCursorError), "{text}");
        }
    }
}

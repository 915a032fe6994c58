//! Proof of "at least this new".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::LogId;
use crate::limits::LimitError;
use crate::position::Position;

/// Says how new an answer must be: whoever presents it gets one that rests on at least this much of
/// this log, or a refusal.
///
/// Every executed command carries one. Its text, `LOG-ID:POSITION`, is for headers and command
/// lines; callers keep it and hand it back, and must not make up their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsistencyToken {
    /// The log that is meant.
    pub log_id: LogId,
    /// What must be taken into account: all events up to here.
    pub position: Position,
}

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.log_id, self.position)
    }
}

impl FromStr for ConsistencyToken {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let parse = || {
            let (log_id, position) = text.split_once(':')?;
            let position = Position::new(position.parse().ok()?).ok()?;
            Some(Self { log_id: log_id.parse().ok()?, position })
        };
        let expected = "LOG-ID:POSITION as a command returned it";
        parse().ok_or(LimitError::Form { what: "consistency token", expected })
    }
}

impl TryFrom<String> for ConsistencyToken {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        text.parse()
    }
}

impl From<ConsistencyToken> for String {
    fn from(token: ConsistencyToken) -> Self {
        token.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_the_same_token() {
        let token =
            ConsistencyToken { log_id: LogId::new(), position: Position::new(4_711).unwrap() };
        assert_eq!(token.to_string().parse(), Ok(token));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let id = LogId::new();
        for text in ["", ":", "5", &format!("{id}"), &format!("{id}:"), &format!("{id}:-1")] {
            let refused = text.parse::<ConsistencyToken>().unwrap_err();
            assert!(refused.to_string().starts_with("consistency token is not"), "{text}");
        }
    }
}

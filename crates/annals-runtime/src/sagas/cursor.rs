//! Places in the list of instances.

use annals_core::IndexValue;
use annals_core::limits::DOCUMENT_KEY_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// A place in a list of instances or timers: the next page begins after it.
///
/// It is for the same list with the same choices, and what is in it may change. One that is made up
/// gives a page that begins elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(Written, String)", into = "(Written, String)")]
pub struct SagaCursor {
    value: IndexValue,
    key: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl SagaCursor {
    pub(super) fn new(value: IndexValue, key: impl Into<String>) -> Self {
        Self { value, key: key.into() }
    }

    pub(super) fn into_parts(self) -> (IndexValue, String) {
        (self.value, self.key)
    }
}

/// Places come back from callers, so one is taken only if a read database can look for it.
impl TryFrom<(Written, String)> for SagaCursor {
    type Error = &'static str;

    fn try_from((value, key): (Written, String)) -> Result<Self, &'static str> {
        let is_possible = |text: &str| text.len() <= DOCUMENT_KEY_BYTES_MAX && !text.contains('\0');
        let value = match value {
            Written::Number(number) => IndexValue::Number(number),
            Written::Text(text) if is_possible(&text) => IndexValue::Text(text),
            Written::Text(_) => return Err("no page of a list of sagas ends there"),
        };
        match is_possible(&key) {
            true => Ok(Self { value, key }),
            false => Err("no page of a list of sagas ends there"),
        }
    }
}

impl From<SagaCursor> for (Written, String) {
    fn from(SagaCursor { value, key }: SagaCursor) -> Self {
        let value = match value {
            IndexValue::Number(number) => Written::Number(number),
            IndexValue::Text(text) => Written::Text(text),
        };
        (value, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_the_same_place() {
        for value in [IndexValue::Number(-7), IndexValue::Text("payment parked 2026".to_owned())] {
            let place = SagaCursor::new(value, "payment/1");
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<SagaCursor>(&json).unwrap(), place);
        }
    }

    #[test]
    fn what_no_database_can_look_for_is_refused() {
        let long = "x".repeat(DOCUMENT_KEY_BYTES_MAX + 1);
        for (value, key) in [("\0", "a"), ("a", "\0"), (&*long, "a"), ("a", &*long)] {
            let json = serde_json::to_string(&(value, key)).unwrap();
            assert!(serde_json::from_str::<SagaCursor>(&json).is_err(), "{json}");
        }
        for json in [r#"[1.5,"a"]"#, r#"["a"]"#, r#"[null,"a"]"#, "1"] {
            assert!(serde_json::from_str::<SagaCursor>(json).is_err(), "{json}");
        }
    }
}

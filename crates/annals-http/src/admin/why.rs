//! The reasons of operators.

use serde::Deserialize;

/// Longest reason, in bytes.
const BYTES_MAX: usize = 1_000;

/// Why an operator has something done, which is kept. A body with one that says nothing is 422.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Why(pub(super) String);

impl TryFrom<String> for Why {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().is_empty() || text.len() > BYTES_MAX || text.contains('\0') {
            return Err(format!("a reason of 1 to {BYTES_MAX} bytes is needed"));
        }
        Ok(Self(text))
    }
}

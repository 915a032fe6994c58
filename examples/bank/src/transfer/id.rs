//! The name of a transfer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Names one transfer: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferId(Uuid);

/// Text is no transfer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a transfer id is a UUID")]
pub struct TransferIdError;

impl TransferId {
    /// A new one that nobody else has: a UUIDv7.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl From<Uuid> for TransferId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for TransferId {
    type Err = TransferIdError;

    fn from_str(text: &str) -> Result<Self, TransferIdError> {
        Uuid::parse_str(text).map(Self).map_err(|_| TransferIdError)
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

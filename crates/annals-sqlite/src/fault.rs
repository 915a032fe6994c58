//! What can go wrong inside, before it becomes an error of the contract.

use annals_core::{Position, ReadError};
use rusqlite::ErrorCode;
use thiserror::Error;

/// Reading failed.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    /// SQLite could not do it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored at a position is not what was written.
    #[error("the event at position {position} is damaged: {detail}")]
    Damaged { position: Position, detail: String },
}

impl Fault {
    pub(crate) fn damaged(position: Position, detail: impl Into<String>) -> Self {
        Self::Damaged { position, detail: detail.into() }
    }

    /// The error for a reader that has everything up to `known`.
    pub(crate) fn into_read_error(self, known: Position) -> ReadError {
        match self {
            Self::Damaged { position, detail } => ReadError::Corrupt { position, detail },
            Self::Sqlite(error) if is_damage(&error) => ReadError::Corrupt {
                position: if known < Position::MAX { known.plus(1) } else { known },
                detail: format!("the file is damaged here or further on: {error}"),
            },
            Self::Sqlite(error) => ReadError::Unavailable { source: error.into() },
        }
    }
}

/// Whether SQLite found its own structures damaged.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

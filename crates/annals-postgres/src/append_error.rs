//! Why a batch was not acknowledged, for each of its appends.

use annals_core::AppendError;
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::closed::Closed;
use crate::session::SessionError;

/// Why a batch was not acknowledged.
#[derive(Debug, Clone, Error)]
pub(crate) enum BatchError {
    /// Nothing was written.
    #[error("nothing was written")]
    NotWritten(#[source] SessionError),
    /// Nothing was written because another session held the head row all the time.
    #[error("another session has held the head row for more than {seconds} s: {holder}")]
    Locked { seconds: f64, holder: String },
    /// The connection was lost after the commit had been sent.
    #[error("the connection was lost during the commit")]
    Unknown(#[source] SessionError),
    /// The commit went through, but the server warned that standbys may not have it.
    #[error("the server stopped waiting for its standbys during the commit")]
    StandbysNotWaitedFor,
    /// The server broke off the connection while it was being set up, or is not there.
    #[error("the server cannot be reached")]
    Unreachable(#[source] SessionError),
    /// This is no longer the log that was opened.
    #[error("{0}")]
    Closed(#[from] Closed),
}

impl BatchError {
    /// What the server said, if that was it.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::NotWritten(error) | Self::Unknown(error) | Self::Unreachable(error) => {
                error.code()
            }
            Self::Locked { .. } | Self::StandbysNotWaitedFor | Self::Closed(_) => None,
        }
    }

    /// Whether the session it happened on can be used further.
    ///
    /// Every refused statement has a commit or a rollback behind it, so no transaction is left
    /// open.
    pub(crate) fn leaves_session_usable(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::Closed(_) => true,
            Self::NotWritten(error) => error.is_survivable(),
            Self::Unknown(_) | Self::StandbysNotWaitedFor | Self::Unreachable(_) => false,
        }
    }

    /// Whether the database refused the content of some append of the batch.
    pub(crate) fn blames_an_append(&self) -> bool {
        /// Classes of codes that speak of a statement's values: data, constraints, limits, and
        /// what functions and triggers raise.
        const CLASSES: [&str; 5] = ["21", "22", "23", "54", "P0"];
        let Self::NotWritten(SessionError::Refused(refusal)) = self else { return false };
        CLASSES.iter().any(|class| refusal.code.code().starts_with(class))
    }

    /// Whether nothing was written because the server was going away, coming up or changing its
    /// role, so that trying again makes sense.
    pub(crate) fn is_passing(&self) -> bool {
        const CODES: [SqlState; 5] = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::TOO_MANY_CONNECTIONS,
        ];
        match self {
            Self::NotWritten(SessionError::Refused(refusal)) => CODES.contains(&refusal.code),
            Self::NotWritten(SessionError::Form(_)) => false,
            Self::NotWritten(_) | Self::Unreachable(_) => true,
            _ => false,
        }
    }

    pub(crate) fn to_append_error(&self) -> AppendError {
        let source = Box::new(self.clone());
        match self {
            // Whoever may only read will not be let in by trying again.
            Self::NotWritten(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                AppendError::Closed { source }
            }
            Self::NotWritten(_) | Self::Locked { .. } | Self::Unreachable(_) => {
                AppendError::Unavailable { source }
            }
            Self::Unknown(_) | Self::StandbysNotWaitedFor => AppendError::Unknown { source },
            Self::Closed(_) => AppendError::Closed { source },
        }
    }
}

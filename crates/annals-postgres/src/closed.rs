//! Why a handle answers nothing any more.

use thiserror::Error;

/// Why a handle does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Closed {
    #[error("the store was closed")]
    ByOwner,
    #[error("another log is at this address now")]
    OtherLog,
    #[error(
        "position {position} was acknowledged or read here and is gone or holds another event: \
         the server went back to an earlier state"
    )]
    WentBack { position: u64 },
    #[error("{setting} now allows to lose acknowledged events")]
    Unsafe { setting: &'static str },
}

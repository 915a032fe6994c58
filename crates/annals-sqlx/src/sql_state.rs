//! What an error of the driver means for whoever sees it.

use std::error::Error;

use annals_core::{ApplyError, BoxError, ReadModelsError};

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing: the same statement with the same values fails again.
    Rejected,
    /// As `Rejected`, unless the connection remembers the statement from the tables of another
    /// generation. Only what a new connection says as well is to be believed.
    Doubtful,
    /// Try again later.
    Unavailable,
}

impl Meaning {
    /// What an error of the driver means.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                error.code().map_or(Self::Unavailable, |code| Self::of_state(&code))
            }
            // The statement or its values are wrong, whoever carries it out.
            sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::InvalidArgument(_)
            | sqlx::Error::InvalidSavePointStatement
            | sqlx::Error::RowNotFound => Self::Rejected,
            sqlx::Error::TypeNotFound { .. } => Self::Doubtful,
            // The network, the pool, encryption, and whatever is added to them.
            _ => Self::Unavailable,
        }
    }

    /// What an error of somebody's code that works with the driver means: that of the driver's
    /// error among its causes, if there is one.
    fn of_cause(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<sqlx::Error>() {
                return Self::of(error);
            }
            cause = error.source();
        }
        Self::Rejected
    }

    /// What a SQLSTATE means. See appendix A of PostgreSQL's manual for the codes.
    fn of_state(state: &str) -> Self {
        if UNAVAILABLE.iter().any(|codes| state.starts_with(codes)) {
            Self::Unavailable
        } else if DOUBTFUL.iter().any(|codes| state.starts_with(codes)) {
            Self::Doubtful
        } else {
            Self::Rejected
        }
    }
}

/// Codes, or beginnings of codes, of what passes or is put right by an operator: none of it is the
/// fault of an event.
const UNAVAILABLE: [&str; 16] = [
    "08",    // connection exceptions
    "25006", // read-only transaction: a replica since a failover
    "25P03", // idle in a transaction for too long
    "25P04", // a transaction for too long
    "28",    // not let in
    "40",    // deadlock, serialization, unknown completion
    "42501", // rights are missing: they can be granted, events parked for it cannot be told apart
    "53",    // disk full, out of memory, too many connections
    "55006", // in use
    "55P03", // lock not available
    "57",    // shutdown, crash, canceled
    "58",    // the operating system
    "72",    // snapshot too old
    "F0",    // configuration file
    "HV",    // foreign data
    "XX",    // internal: damaged data
];

/// Codes, or beginnings of codes, by which the server also says that a statement was prepared for
/// other tables.
const DOUBTFUL: [&str; 2] = ["0A", "42"];

/// What an error of a query on a [`ReadTransaction`](crate::ReadTransaction) means, in the words of
/// the contract: [`ReadModelsError::Refused`] if the query or its values are wrong and it will fail
/// again, otherwise [`ReadModelsError::Unavailable`].
///
/// So that whoever reads has one kind of error, and need not know SQLSTATEs to tell whether to try
/// again.
#[must_use]
pub fn query_error(error: sqlx::Error) -> ReadModelsError {
    match Meaning::of(&error) {
        Meaning::Unavailable => unavailable(error),
        Meaning::Rejected | Meaning::Doubtful => refused("the query failed", error.into()),
    }
}

/// The error of a statement of the read database's own, in the words of its contract.
pub(crate) fn unavailable(error: sqlx::Error) -> ReadModelsError {
    ReadModelsError::unavailable(error)
}

/// An error of a statement of our own while changes are written. There, nothing is wrong with the
/// changes.
pub(crate) fn not_applied(error: sqlx::Error) -> ApplyError {
    match Meaning::of(&error) {
        // The user's statements have left a transaction that cannot go on.
        Meaning::Rejected if is_aborted(&error) => ApplyError::Rejected { source: error.into() },
        _ => ApplyError::Unavailable { source: error.into() },
    }
}

/// Whether the transaction cannot go on because of an error before, which somebody has hidden.
fn is_aborted(error: &sqlx::Error) -> bool {
    const IN_FAILED_SQL_TRANSACTION: &str = "25P02";
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == IN_FAILED_SQL_TRANSACTION)
}

/// The error of a user's code that writes rows.
pub(crate) fn rejected(source: BoxError) -> (ApplyError, Meaning) {
    let meaning = Meaning::of_cause(source.as_ref());
    let error = match meaning {
        Meaning::Unavailable => ApplyError::Unavailable { source },
        Meaning::Rejected | Meaning::Doubtful => ApplyError::Rejected { source },
    };
    (error, meaning)
}

/// The error of a user's code that makes tables.
pub(crate) fn refused(what: &str, source: BoxError) -> ReadModelsError {
    match Meaning::of_cause(source.as_ref()) {
        Meaning::Unavailable => ReadModelsError::Unavailable { source },
        Meaning::Rejected | Meaning::Doubtful => {
            let mut reason = what.to_owned();
            let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
            while let Some(error) = cause {
                reason += &format!(": {error}");
                cause = error.source();
            }
            ReadModelsError::Refused { reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[test]
    fn what_passes_is_unavailable_and_what_stays_is_rejected() {
        for state in [
            "08006", "25006", "25P03", "28P01", "40001", "40003", "40P01", "42501", "53100",
            "53300", "55P03", "57014", "57P01", "57P03", "58030", "XX001",
        ] {
            assert_eq!(Meaning::of_state(state), Meaning::Unavailable, "{state}");
        }
        for state in [
            "21000", "22003", "22P05", "23502", "23505", "23514", "25P02", "44000", "54000",
            "P0001",
        ] {
            assert_eq!(Meaning::of_state(state), Meaning::Rejected, "{state}");
        }
        for state in ["0A000", "42601", "42703", "42804", "42P01"] {
            assert_eq!(Meaning::of_state(state), Meaning::Doubtful, "{state}");
        }
    }

    #[test]
    fn an_error_of_a_query_says_whether_to_ask_again() {
        let away = query_error(sqlx::Error::PoolTimedOut);
        assert!(matches!(away, ReadModelsError::Unavailable { .. }), "{away:?}");
        let wrong = query_error(sqlx::Error::ColumnNotFound("amount".to_owned()));
        let ReadModelsError::Refused { reason } = wrong else { panic!("{wrong:?}") };
        assert!(reason.starts_with("the query failed: ") && reason.contains("amount"), "{reason}");
    }

    #[derive(Debug, Error)]
    #[error("the row could not be written")]
    struct OfAUser(#[source] sqlx::Error);

    #[test]
    fn an_error_of_the_driver_is_found_among_the_causes() {
        let (error, _) = rejected(Box::new(OfAUser(sqlx::Error::PoolTimedOut)));
        assert!(matches!(error, ApplyError::Unavailable { .. }));
        let (error, _) = rejected(Box::new(OfAUser(sqlx::Error::RowNotFound)));
        assert!(matches!(error, ApplyError::Rejected { .. }));
        let (error, _) = rejected("the amount is negative".into());
        assert!(matches!(error, ApplyError::Rejected { .. }));
    }
}

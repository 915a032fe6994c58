//! Why read models could not be opened.

use thiserror::Error;

/// Why read models could not be opened: one variant for each thing to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be used. It is not repeated here, because it may hold a password.
    #[error("the URL of the read models cannot be used")]
    Url {
        /// What is wrong with it.
        #[source]
        source: sqlx::Error,
    },
    /// The server cannot be reached or does not let us in. Check address and credentials, or try
    /// again later.
    #[error("cannot connect to {target}")]
    Connect {
        /// The server and the database.
        target: String,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema is missing or older than this version needs, and was not to be migrated. Run
    /// [`migrate`](crate::migrate) as a role that may create schemas.
    #[error("read models are at migration {found}, {needed} is needed: run the migrations")]
    SchemaOutdated {
        /// The last migration that was applied, 0 for none.
        found: i32,
        /// The last one this version knows.
        needed: i32,
    },
    /// The schema was migrated by a newer version. Use that version.
    #[error("read models are at migration {found}, this version knows only {known}")]
    SchemaNewer {
        /// The last migration that was applied.
        found: i32,
        /// The last one this version knows.
        known: i32,
    },
    /// The URL names several hosts. The driver of read models connects to one: name the primary, or
    /// an address that leads to it, such as that of a proxy.
    #[error("the URL of the read models names several hosts, and only one can be used")]
    SeveralHosts,
    /// Rights were not given. The source says why: a role does not exist, or who connects may not
    /// give them.
    #[error("the database refuses to grant rights on read models")]
    Grant {
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The migrations failed and were rolled back. The source says why; often rights are missing.
    #[error("the migrations of read models failed")]
    Migration {
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

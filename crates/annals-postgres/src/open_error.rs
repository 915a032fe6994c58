//! Why a log could not be opened.

use annals_core::BoxError;
use thiserror::Error;

use crate::durability::DurabilityRisk;

/// Why a log could not be opened or migrated: one variant for each thing to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The server cannot be reached or does not let us in. Check address and credentials, or try
    /// again later.
    #[error("cannot connect to {target}")]
    Connect {
        /// The hosts that were tried, and the database.
        target: String,
        /// What the last of them said.
        #[source]
        source: BoxError,
    },
    /// A file for encryption cannot be used. Mend it, or the parameter of the URL that names it.
    #[error("encryption cannot be set up")]
    Encryption {
        /// What is wrong with which file.
        #[source]
        source: BoxError,
    },
    /// The server is too old. Use 15 or newer.
    #[error("the server is PostgreSQL {found}, 15 or newer is needed")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// The database cannot hold every text. Create one with `ENCODING 'UTF8'`.
    #[error("the database's encoding is {found}, UTF8 is needed")]
    Encoding {
        /// Its encoding.
        found: String,
    },
    /// The server can lose what it acknowledged. Change the setting, or accept the risk by name.
    #[error("{risk} = {value} can lose acknowledged events; accept it by accept_risk={risk}")]
    Durability {
        /// The setting.
        risk: DurabilityRisk,
        /// Its value.
        value: String,
    },
    /// The schema is missing or older than this version needs, and was not to be migrated. Run
    /// the migrations as the schema's owner.
    #[error("the schema is at migration {found}, {needed} is needed: run the migrations")]
    SchemaOutdated {
        /// The last migration that was applied, 0 for none.
        found: i32,
        /// The last one this version knows.
        needed: i32,
    },
    /// The schema was migrated by a newer version. Use that version.
    #[error("the schema is at migration {found}, this version knows only {known}")]
    SchemaNewer {
        /// The last migration that was applied.
        found: i32,
        /// The last one this version knows.
        known: i32,
    },
    /// A migration failed and was rolled back. The source says why; often rights are missing.
    #[error("migration {number} failed")]
    Migration {
        /// Its number.
        number: i32,
        /// What the database said.
        #[source]
        source: BoxError,
    },
    /// The database refused a statement. The source says why; often rights are missing.
    #[error("the database refuses to {task}")]
    Refused {
        /// What was tried.
        task: &'static str,
        /// What the database said.
        #[source]
        source: BoxError,
    },
}

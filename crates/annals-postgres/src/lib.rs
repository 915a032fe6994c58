//! The log of Annals on PostgreSQL.
//!
//! [`PostgresStore`] keeps every guarantee of [`EventStore`](annals_core::EventStore) with any
//! number of processes writing to one log. Each process has one sequencer, which writes what
//! queued up while its last batch was under way as the next batch: one round trip, one
//! transaction, one flush. A single row, locked and then checked in separate statements, puts the
//! batches of all processes into one order.
//!
//! ```no_run
//! use annals_core::EventStore;
//! use annals_postgres::{PostgresOptions, PostgresStore};
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let options = PostgresOptions::from_url("postgres://bank@db.example/bank?sslmode=require")?;
//! let store = PostgresStore::open(options).await?;
//! println!("the log ends at position {}", store.head().await?);
//! # Ok(())
//! # }
//! ```
//!
//! One database holds one log, in the schema `annals`. PostgreSQL 15 to 18 are supported; `cargo
//! xtask test --postgres 15,16,17,18` runs the tests on each.

mod append_error;
mod array_text;
mod batch;
mod closed;
mod connect;
mod draft;
mod durability;
mod exchange;
mod facts;
mod head_lock;
mod herald;
mod json_text;
mod known_streams;
mod migration;
mod news;
mod open_error;
mod options;
mod page;
mod page_query;
mod pool;
mod roles;
mod row;
mod sequencer;
mod server;
mod session;
mod snapshots;
mod statement;
mod store;
mod target;
mod telemetry;
mod tls;
mod url;
mod url_error;

pub use durability::DurabilityRisk;
pub use migration::{Migration, migrate, migrations, print_migrations};
pub use open_error::OpenError;
pub use options::{PostgresOptions, SchemaAtOpen};
pub use roles::{GRANT_RIGHTS, Roles, grant};
pub use store::PostgresStore;
pub use url_error::UrlError;

//! Read models of Annals in PostgreSQL, with `sqlx`.
//!
//! [`PostgresReadModels`] is a read database: it keeps the tables of projections, how far they are,
//! who works on them and what could not be processed. A [`PostgresProjection`] says in SQL how
//! changes become rows. Any number of processes may work on one database.
//!
//! # Where things are
//!
//! Each generation of a projection has a schema of its own, named by the projection and the number
//! of the generation: `balances_1`, `balances_2`. The bookkeeping is in the schema `annals_read`.
//!
//! # Queries
//!
//! [`PostgresReadModels::read`] begins a transaction in which plain table names mean the tables of
//! the generation that serves, and which sees one state of them throughout:
//!
//! ```no_run
//! # async fn example(read_models: annals_sqlx::PostgresReadModels)
//! # -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let mut tables = read_models.read("balances").await?;
//! let total: i64 = sqlx::query_scalar("SELECT sum(amount)::bigint FROM balance")
//!     .fetch_one(&mut *tables)
//!     .await?;
//! println!("{total}, after all events up to {}", tables.position());
//! # Ok(())
//! # }
//! ```
//!
//! In `psql` and other tools:
//!
//! ```sql
//! SELECT set_config('search_path', projection || '_' || number, false)
//! FROM annals_read.generation WHERE projection = 'balances' AND state = 'serving';
//!
//! SELECT sum(amount) FROM balance;
//! ```
//!
//! The tables belong to the role that builds them, and each generation brings new ones. [`grant`]
//! gives another role the right to read them, those to come included.

mod applying;
mod checkpoint;
mod comparison;
mod deadline;
mod document;
mod document_reader;
mod draining;
mod generation;
mod host;
mod lease;
mod letter;
mod migration;
mod open_error;
mod options;
mod panic;
mod pool;
mod projection;
mod read_models;
mod read_transaction;
mod roles;
mod row;
mod schema;
mod sql_state;

pub use migration::migrate;
pub use open_error::OpenError;
pub use options::{ReadModelsOptions, SchemaAtOpen};
pub use projection::PostgresProjection;
pub use read_models::PostgresReadModels;
pub use read_transaction::ReadTransaction;
pub use roles::{GRANT_RIGHTS, Roles, grant};
pub use sql_state::query_error;

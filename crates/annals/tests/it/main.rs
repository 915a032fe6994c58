//! The whole house on real databases: a log, projections, read models, and processes that are
//! killed. `cargo xtask test` brings a PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "the panic of a test is its report")]

mod balances;
mod child;
mod histories;
mod many_workers;
mod postgres;
mod sqlite;
mod timers;
mod world;

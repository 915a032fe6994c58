//! Read models on a real server. `cargo xtask test` brings one.

mod accounts;
mod applying;
mod conformance;
mod database;

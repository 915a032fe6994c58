//! The store on a real server. `cargo xtask test` brings one.

mod conformance;
mod database;
mod harness;

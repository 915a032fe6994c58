//! The bank: its rules, and the program as its users meet it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in what tests share too"
)]

mod authentication;
mod client;
/// Servers that tests kill and restart, started as the development tasks start theirs.
#[path = "../../../../xtask/src/postgres/cluster.rs"]
mod cluster;
mod collector;
mod command_line;
mod conservation;
mod crash;
mod database;
mod dead_letters;
mod each_store;
mod expected;
mod help;
mod history;
mod home;
mod http;
mod idempotency;
mod import;
mod interruption;
mod keys;
mod migration;
mod openapi;
mod own_server;
mod postgres;
mod projections;
mod queries;
mod reading;
mod requests;
mod rules;
mod sample;
mod server;
mod shutdown;
mod telemetry;
mod transfer_exhaustion;
mod transfers;

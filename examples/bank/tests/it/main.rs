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
mod contract;
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
/// An issuer of tokens, as the crate has it that checks them.
#[path = "../../../../crates/annals-http/tests/it/auth/issuer.rs"]
mod issuer;
mod keys;
mod migration;
mod openapi;
mod own_server;
mod postgres;
mod projections;
mod queries;
mod quick_start;
mod reading;
mod requests;
mod rules;
mod sample;
mod server;
mod shutdown;
mod telemetry;
mod tls;
mod transfer_exhaustion;
mod transfers;

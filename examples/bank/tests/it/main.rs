//! The bank: its rules, and the program as its users meet it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in what tests share too"
)]

mod authentication;
mod client;
mod collector;
mod command_line;
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

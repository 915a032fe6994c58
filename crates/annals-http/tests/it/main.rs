//! A small service over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in what tests share too"
)]

mod admin;
mod auth;
mod bounds;
mod client;
mod commands;
mod counter;
mod documentation;
mod escalation;
mod feed;
mod generations;
mod health;
mod house;
mod queries;
mod sagas;
mod shutdown;
mod tls;

//! A small service over real sockets.

#![expect(clippy::unwrap_used, reason = "the panic of a test is its report")]

mod admin;
mod auth;
mod bounds;
mod client;
mod commands;
mod counter;
mod documentation;
mod feed;
mod health;
mod house;
mod queries;
mod shutdown;
mod tls;

//! A small service over real sockets.

#![expect(clippy::unwrap_used, reason = "the panic of a test is its report")]

mod auth;

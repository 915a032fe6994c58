//! Who is let in, over real sockets.

#![expect(clippy::indexing_slicing, reason = "the panic of a test is its report")]

mod client;
mod credentials;
mod feed;
mod issuer;
mod keys;
mod rate;
mod service;
mod table;
mod tokens;

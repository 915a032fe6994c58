//! The test kit of sagas passes what is right, and finds what is wrong.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in what tests share too"
)]

mod domain;
mod exhaustion;
mod given;
mod running;

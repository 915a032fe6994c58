//! What is measured where it takes trouble or time, by a listener of the tests' own.
#![expect(clippy::unwrap_used, reason = "a panic is the report of a test, in what tests share too")]

mod ends;
mod listener;
mod meal;
mod origins;
mod parking;
mod spans;
mod tally;
mod timers;
mod trouble;

//! Read models on a real server. `cargo xtask test` brings one.

mod accounts;
mod applying;
mod comparing;
mod conformance;
mod connections;
mod database;
mod documents;
mod faults;
mod generations;
mod opening;
/// A network that a test can cut, as the tests of the log use it.
#[path = "../../../annals-postgres/tests/it/proxy.rs"]
mod proxy;

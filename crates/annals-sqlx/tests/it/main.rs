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
mod proxy;
mod roles;
mod steps;

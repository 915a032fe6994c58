//! The store on a real server. `cargo xtask test` brings one.

mod batches;
mod child;
/// Servers that tests kill and restart, started as the development tasks start theirs.
#[path = "../../../../xtask/src/postgres/cluster.rs"]
mod cluster;
mod conformance;
mod damage;
mod database;
mod encryption;
mod failover;
mod faults;
mod harness;
mod histories;
mod hostile;
mod load;
mod many_processes;
mod opening;
mod own_server;
mod plans;
mod proxy;
mod race_run;
mod raw;
mod roles;
mod schema;
mod telemetry;
mod wake;

//! Tests of the embedded store, on real files.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in its helpers too"
)]

mod batches;
mod checkpoints;
mod child;
mod conformance;
mod crash_images;
mod damage;
mod disk;
mod faults;
mod harness;
mod histories;
mod kill;
mod opening;
mod plans;
mod processes;
mod read_models;
mod recording;
mod sidecar;
mod workload;

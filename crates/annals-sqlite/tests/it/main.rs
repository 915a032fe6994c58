//! Tests of the embedded store, on real files.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test, in its helpers too"
)]

mod child;
mod conformance;
mod crash_images;
mod disk;
mod faults;
mod harness;
mod kill;
mod recording;
mod workload;

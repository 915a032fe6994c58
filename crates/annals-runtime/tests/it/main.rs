//! The runtime on real stores of memory, with faults where a test needs them.

#![expect(clippy::unwrap_used, reason = "the panic of a test is its report")]

mod answers;
mod bounds;
mod commands;
mod decisions;
mod domain;
mod faults;
mod lanes;
mod loading;
mod metadata;
mod pages;
mod projections;
mod sagas;
mod schedules;
mod snapshots;
mod stores;
mod subscription;
mod visibility;

//! The suite, on the store that is its specification.

mod memory {
    annals_testing::conformance!(annals_testing::conformance::MemoryHarness);
    annals_testing::snapshot_conformance!(annals_testing::conformance::MemoryHarness);
}

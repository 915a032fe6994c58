//! The suite that every store passes.

use crate::harness::PostgresHarness;

annals_testing::conformance!(PostgresHarness);
annals_testing::snapshot_conformance!(PostgresHarness);

//! Random histories, against the specification in memory.

use annals_testing::histories_agree;

use crate::harness::PostgresHarness;

/// Histories that are compared; each has a database of its own, which takes most of the time.
const CASES: u32 = 24;

#[test]
fn random_histories_end_as_in_the_specification() {
    histories_agree(&PostgresHarness, CASES);
}

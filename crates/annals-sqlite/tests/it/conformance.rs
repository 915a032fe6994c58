//! Every guarantee, on the store itself and behind a trait object.

use std::sync::Arc;

use annals_testing::conformance::Decorated;

use crate::harness::SqliteHarness;

mod store {
    use super::SqliteHarness;
    annals_testing::conformance!(SqliteHarness);
    annals_testing::snapshot_conformance!(SqliteHarness);
}

mod behind_another_arc {
    use super::{Arc, Decorated, SqliteHarness};
    annals_testing::conformance!(Decorated::new(SqliteHarness, |store| Arc::new(store)));
}

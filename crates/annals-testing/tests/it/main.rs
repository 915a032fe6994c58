//! The suite on the store that is its specification, and on stores that are broken on purpose.

mod faulty;
mod given;
mod histories;
mod red;
mod red_read_models;
mod sagas;

/// Green without sabotage, by the names of the guarantees.
mod green {
    use annals_testing::FaultyStore;
    use annals_testing::conformance::{Decorated, MemoryHarness};
    use annals_testing::sabotage::{Sabotage, Sabotaged, SabotagedSnapshots};
    use std::sync::Arc;

    mod memory {
        use super::*;
        annals_testing::conformance!(MemoryHarness);
        annals_testing::snapshot_conformance!(MemoryHarness);
    }

    mod read_models {
        use annals_testing::read_models::MemoryReadModelHarness;
        annals_testing::read_model_conformance!(MemoryReadModelHarness);
    }

    mod arc_of_dyn {
        use super::*;
        annals_testing::conformance!(Decorated::new(MemoryHarness, |store| Arc::new(store)));
    }

    mod faulty_without_faults {
        use super::*;
        annals_testing::conformance!(Decorated::new(MemoryHarness, |store| {
            Arc::new(FaultyStore::new(store))
        }));
    }

    mod undone_sabotage_of_read_models {
        use annals_testing::sabotage::SabotagedReadModels;
        annals_testing::read_model_conformance!(SabotagedReadModels::None);
    }

    mod undone_sabotage {
        use super::*;
        annals_testing::conformance!(Sabotaged::new(MemoryHarness, Sabotage::None));
        annals_testing::snapshot_conformance!(SabotagedSnapshots::None);
    }
}

//! The promises of a read database, each as a function that panics when it is broken.
//!
//! A read database implements [`ReadModelHarness`] and writes [`read_model_conformance!`] in its
//! tests: that makes one test for each function here, so a broken promise is red by its name.
//!
//! ```
//! mod memory {
//!     annals_testing::read_model_conformance!(
//!         annals_testing::read_models::MemoryReadModelHarness
//!     );
//! }
//! # fn main() {}
//! ```
//!
//! All checks use documents ([`Sums`]), which every read database hosts, so none of them needs SQL.
//! What rows of other shapes do (constraints, the comparison of any table), each crate tests with
//! tables of its own; what a process that is killed leaves behind needs a process.
//!
//! [`read_model_conformance!`]: crate::read_model_conformance!

mod apply;
mod checkpoints;
mod comparing;
mod documents;
mod draining;
mod generations;
mod harness;
mod leases;
mod letters;
mod random;
mod sample;
mod sums;
mod switching;

use std::time::Duration;

use annals_core::BoxFuture;

pub use apply::{
    acknowledged_is_there_when_opened_again, former_owner_cannot_write, generations_share_nothing,
    panic_of_the_projection_is_a_rejection, partitions_of_one_advance_end_at_the_same_place,
    rejected_changes_leave_no_trace, repeated_advance_is_written_once,
    rows_and_checkpoint_move_together, stale_advance_changes_nothing,
};
pub use checkpoints::{checkpoint_is_kept_by_name, checkpoint_is_replaced_once};
pub use comparing::{comparison_finds_every_difference, differing_generation_is_held};
pub use documents::{
    answer_is_as_new_as_the_slowest_partition, answers_are_one_consistent_view,
    document_is_found_by_its_key, documents_are_listed_by_index, documents_are_listed_by_key,
    pages_of_documents_are_bounded, too_long_index_value_is_rejected, unknown_index_is_not_found,
};
pub use draining::{
    discarded_event_is_left_out_and_remembered, events_queue_up_in_order,
    queue_is_drained_in_chunks, rejected_drain_leaves_no_trace, repeated_drain_is_written_once,
    request_to_discard_is_for_one_event, requests_of_others_are_seen,
};
pub use generations::{
    generation_remembers_its_log, generation_tells_what_it_is, numbers_are_never_given_twice,
    one_generation_is_built_at_a_time, retire_removes_all_but_what_serves,
};
pub(crate) use harness::MemoryDatabase;
pub use harness::{MemoryReadModelHarness, ReadDatabase, ReadModelHarness, ReadModelsUnderTest};
pub use leases::{
    dead_worker_is_taken_over, living_worker_keeps_its_partitions,
    partition_has_one_owner_at_a_time, partitions_are_shared_fairly, racing_claims_share_nothing,
    released_partitions_are_free_at_once, status_tells_what_workers_report, surplus_is_given_back,
};
pub use letters::{
    dead_letters_are_listed_oldest_first, letters_that_are_gone_are_not_found,
    parked_event_blocks_its_stream_only, parking_again_is_the_same_letter,
};
pub use random::each_event_is_applied_once_on_any_schedule;
pub use sums::{Rank, Sum, SumEvent, Sums};
pub use switching::{
    racing_switches_leave_one_serving, serving_position_never_goes_back, switch_does_not_go_back,
    switch_retains_the_one_that_served,
};

use crate::conformance::run_to_the_end;

/// One function of the suite, in a form that fits into a list.
pub type ReadModelCheck = for<'a> fn(&'a dyn ReadModelHarness) -> BoxFuture<'a, ()>;

/// Every check of a read database, by name.
pub const READ_MODEL_CHECKS: &[(&str, ReadModelCheck)] =
    crate::__read_model_checks! { (check_list) () };

/// Runs one check on a runtime of its own.
///
/// # Panics
///
/// If the promise is broken, or the check takes longer than `time_max`.
pub fn run(check: ReadModelCheck, harness: &dyn ReadModelHarness, time_max: Duration) {
    run_to_the_end(check(harness), time_max);
}

/// Makes one test for each promise of a read database: `read_model_conformance!(harness)`, where
/// the expression gives a fresh [`ReadModelHarness`](crate::read_models::ReadModelHarness) for each
/// test.
#[macro_export]
macro_rules! read_model_conformance {
    ($harness:expr) => {
        $crate::__read_model_checks! { ($crate::__read_model_tests) ($harness) }
    };
}

/// The one list of checks that the macro and the table are both made from.
#[doc(hidden)]
#[macro_export]
macro_rules! __read_model_checks {
    (($($callback:tt)*) ($($argument:tt)*)) => {
        $($callback)*! {
            ($($argument)*)
            rows_and_checkpoint_move_together
            rejected_changes_leave_no_trace
            panic_of_the_projection_is_a_rejection
            stale_advance_changes_nothing
            partitions_of_one_advance_end_at_the_same_place
            repeated_advance_is_written_once
            former_owner_cannot_write
            acknowledged_is_there_when_opened_again
            generations_share_nothing
            partitions_are_shared_fairly
            partition_has_one_owner_at_a_time
            racing_claims_share_nothing
            dead_worker_is_taken_over
            living_worker_keeps_its_partitions
            surplus_is_given_back
            released_partitions_are_free_at_once
            status_tells_what_workers_report
            parked_event_blocks_its_stream_only
            parking_again_is_the_same_letter
            events_queue_up_in_order
            queue_is_drained_in_chunks
            repeated_drain_is_written_once
            rejected_drain_leaves_no_trace
            discarded_event_is_left_out_and_remembered
            request_to_discard_is_for_one_event
            requests_of_others_are_seen
            dead_letters_are_listed_oldest_first
            letters_that_are_gone_are_not_found
            generation_tells_what_it_is
            generation_remembers_its_log
            numbers_are_never_given_twice
            one_generation_is_built_at_a_time
            switch_retains_the_one_that_served
            switch_does_not_go_back
            serving_position_never_goes_back
            racing_switches_leave_one_serving
            retire_removes_all_but_what_serves
            differing_generation_is_held
            comparison_finds_every_difference
            document_is_found_by_its_key
            documents_are_listed_by_key
            documents_are_listed_by_index
            pages_of_documents_are_bounded
            unknown_index_is_not_found
            too_long_index_value_is_rejected
            answer_is_as_new_as_the_slowest_partition
            answers_are_one_consistent_view
            checkpoint_is_kept_by_name
            checkpoint_is_replaced_once
            each_event_is_applied_once_on_any_schedule
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __read_model_tests {
    (($harness:expr) $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::read_models::run(
                    |harness| ::std::boxed::Box::pin($crate::read_models::$check(harness)),
                    &$harness,
                    $crate::conformance::CHECK_TIME_MAX,
                );
            }
        )*
    };
}

macro_rules! check_list {
    (() $($check:ident)*) => {
        &[$((stringify!($check), |harness| Box::pin($check(harness)))),*]
    };
}
use check_list;

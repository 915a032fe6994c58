//! The guarantees of a store, each as a function that panics when it is broken.
//!
//! A store, or a decorator around one, implements [`Harness`] and writes [`conformance!`] in its
//! tests: that makes one test for each function here, so a broken guarantee is red by its name.
//!
//! ```
//! mod memory {
//!     annals_testing::conformance!(annals_testing::conformance::MemoryHarness);
//!     annals_testing::snapshot_conformance!(annals_testing::conformance::MemoryHarness);
//! }
//! # fn main() {}
//! ```
//!
//! Races run on several threads and start from a barrier. What is random comes from
//! [`Harness::seed`], which is printed. What a process that is killed leaves behind is not tested
//! here: that needs a process.
//!
//! [`conformance!`]: crate::conformance!

mod atomicity;
mod condition;
mod contract;
mod durability;
mod fidelity;
mod harness;
mod immutability;
mod order;
mod paging;
mod race;
mod reading;
mod refusal;
mod repetition;
mod sample;
mod sampling;
mod selection;
mod snapshots;
mod visibility;
mod waiting;

use std::time::Duration;

use annals_core::BoxFuture;

pub use atomicity::g1_append_is_all_or_nothing;
pub use condition::{
    g5_expected_event_must_be_that_very_event, g5_expected_sequence_is_enforced_for_every_n,
    g5_query_condition_sees_all_that_is_new, g5_racers_on_one_query_have_one_winner,
    g5_racers_on_one_sequence_have_one_winner,
};
pub use contract::{conditions_are_checked_in_the_documented_order, timestamps_never_step_back};
pub use durability::{
    g2_acknowledged_events_survive_reopening, g8_unknown_outcome_is_resolved_by_repeating,
};
pub use fidelity::{
    g12_digest_is_the_same_on_every_store, g12_json_comes_back_to_the_letter,
    g12_nul_is_refused_up_front,
};
pub use harness::{Decorated, Harness, LogUnderTest, MemoryHarness, Tampering};
pub use immutability::g9_events_cannot_be_changed_or_removed;
pub use order::{g3_positions_are_gap_free_in_commit_order, g4_sequences_of_a_stream_are_gap_free};
pub use paging::{
    g10_page_is_one_consistent_view, g10_pages_are_bounded_and_in_order,
    g10_pages_are_bounded_in_bytes,
};
pub(crate) use race::{in_flight, race};
pub(crate) use reading::{assert_page, read_log, read_pages};
pub use refusal::{
    appends_are_taken_in_the_order_they_are_first_polled,
    g7_refused_append_does_not_disturb_its_neighbours, g7_refused_append_leaves_no_trace,
};
pub use repetition::{
    g6_ledger_tells_what_was_written, g6_racing_repeats_are_written_once,
    g6_repeated_command_id_returns_the_first_outcome,
};
pub(crate) use sample::{event_type, event_with as sample_event, tag};
pub(crate) use sampling::{pooled_stream, pooled_tag, pooled_type};
pub use selection::{query_selects_exactly_what_matches, stream_is_read_from_any_sequence};
pub use snapshots::{
    snapshots_are_kept_by_stream_and_state_version, snapshots_are_the_newest_up_to_a_sequence,
    snapshots_come_back_as_they_were, snapshots_race_and_the_newest_stays,
};
pub use visibility::{
    a_stream_that_has_changed_is_never_called_unchanged,
    reads_show_what_is_acknowledged_and_nothing_that_goes_away,
};
pub use waiting::g11_waiting_misses_no_news;

/// One function of the suite, in a form that fits into a list.
pub type Check = for<'a> fn(&'a dyn Harness) -> BoxFuture<'a, ()>;

/// Longest time one check may take.
///
/// A store that loses a wake-up would hang otherwise. The whole suite needs a few seconds, so this
/// leaves room for a slow disk and a busy machine.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(120);

/// Threads of the runtime a check runs on: more than cores, so that races also happen where the
/// scheduler of the machine interrupts.
const THREADS: usize = 4;

/// Every check of an event store, by name.
pub const EVENT_STORE_CHECKS: &[(&str, Check)] = crate::__event_store_checks! { (check_list) () };

/// Every check of a snapshot store, by name.
pub const SNAPSHOT_STORE_CHECKS: &[(&str, Check)] =
    crate::__snapshot_store_checks! { (check_list) () };

/// Runs one check on a runtime of its own.
///
/// # Panics
///
/// If the guarantee is broken, or the check takes longer than `time_max`.
pub fn run(check: Check, harness: &dyn Harness, time_max: Duration) {
    run_to_the_end(check(harness), time_max);
}

/// Runs a check of any suite.
pub(crate) fn run_to_the_end(check: BoxFuture<'_, ()>, time_max: Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let outcome = runtime.block_on(async { tokio::time::timeout(time_max, check).await });
    // Tasks that wait for what never comes must not keep the test from ending.
    runtime.shutdown_background();
    assert!(outcome.is_ok(), "the check did not end within {time_max:?}: a wait never ended");
}

/// Makes one test for each guarantee of an event store: `conformance!(harness)`, where the
/// expression gives a fresh [`Harness`](crate::conformance::Harness) for each test.
#[macro_export]
macro_rules! conformance {
    ($harness:expr) => {
        $crate::__event_store_checks! { ($crate::__tests) ($harness) }
    };
}

/// Makes one test for each promise of a snapshot store, like
/// [`conformance!`](crate::conformance!).
#[macro_export]
macro_rules! snapshot_conformance {
    ($harness:expr) => {
        $crate::__snapshot_store_checks! { ($crate::__tests) ($harness) }
    };
}

/// The one list of checks that the macro and the table are both made from.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_store_checks {
    (($($callback:tt)*) ($($argument:tt)*)) => {
        $($callback)*! {
            ($($argument)*)
            g1_append_is_all_or_nothing
            g2_acknowledged_events_survive_reopening
            g3_positions_are_gap_free_in_commit_order
            g4_sequences_of_a_stream_are_gap_free
            g5_expected_sequence_is_enforced_for_every_n
            g5_racers_on_one_sequence_have_one_winner
            g5_expected_event_must_be_that_very_event
            g5_query_condition_sees_all_that_is_new
            g5_racers_on_one_query_have_one_winner
            g6_repeated_command_id_returns_the_first_outcome
            g6_racing_repeats_are_written_once
            g6_ledger_tells_what_was_written
            g7_refused_append_leaves_no_trace
            g7_refused_append_does_not_disturb_its_neighbours
            g8_unknown_outcome_is_resolved_by_repeating
            g9_events_cannot_be_changed_or_removed
            g10_pages_are_bounded_and_in_order
            g10_pages_are_bounded_in_bytes
            g10_page_is_one_consistent_view
            g11_waiting_misses_no_news
            g12_json_comes_back_to_the_letter
            g12_digest_is_the_same_on_every_store
            g12_nul_is_refused_up_front
            timestamps_never_step_back
            reads_show_what_is_acknowledged_and_nothing_that_goes_away
            a_stream_that_has_changed_is_never_called_unchanged
            conditions_are_checked_in_the_documented_order
            appends_are_taken_in_the_order_they_are_first_polled
            query_selects_exactly_what_matches
            stream_is_read_from_any_sequence
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __snapshot_store_checks {
    (($($callback:tt)*) ($($argument:tt)*)) => {
        $($callback)*! {
            ($($argument)*)
            snapshots_come_back_as_they_were
            snapshots_are_the_newest_up_to_a_sequence
            snapshots_are_kept_by_stream_and_state_version
            snapshots_race_and_the_newest_stays
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (($harness:expr) $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                $crate::conformance::run(
                    |harness| ::std::boxed::Box::pin($crate::conformance::$check(harness)),
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

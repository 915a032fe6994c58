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
mod harness;
mod race;
mod reading;
mod sample;

use std::time::Duration;

use annals_core::BoxFuture;

pub use atomicity::g1_append_is_all_or_nothing;
pub use harness::{Decorated, Harness, LogUnderTest, MemoryHarness, Tampering};

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_time()
        .build()
        .expect("a runtime can be made");
    let outcome = runtime.block_on(async { tokio::time::timeout(time_max, check(harness)).await });
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
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __snapshot_store_checks {
    (($($callback:tt)*) ($($argument:tt)*)) => {
        $($callback)*! {
            ($($argument)*)
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

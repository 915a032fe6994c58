//! A store against its specification, over random histories.

mod comparison;
mod history;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::conformance::Harness;
use comparison::Comparison;
use history::{History, history};

/// Steps that proptest spends on making a failing history smaller.
///
/// A history has a few dozen steps, so that is enough to get close to the smallest; each one opens
/// a new log, which may take milliseconds.
const SHRINK_STEPS_MAX: u32 = 2_000;

/// Applies `cases` random histories to the store and to a
/// [`MemoryStore`](annals_core::MemoryStore), and compares every outcome and every page.
///
/// A history has appends with random conditions and command ids, alone and several in flight, reads
/// of every kind, look-ups of commands, reopening and a clock that jumps. Positions, sequences,
/// conflicts, contents and event ids must agree; the timestamps of the store may be its own. Each
/// case works on a new log.
///
/// ```
/// use annals_testing::conformance::MemoryHarness;
/// use annals_testing::histories_agree;
///
/// histories_agree(&MemoryHarness, 8);
/// ```
///
/// # Panics
///
/// If they differ, with the difference, the smallest history found that shows it, and the seed;
/// return that from [`Harness::seed`] to repeat it.
pub fn histories_agree(harness: &dyn Harness, cases: u32) {
    let seed = harness.seed();
    let config = Config {
        cases,
        max_shrink_iters: SHRINK_STEPS_MAX,
        // The seed is what a failure is repeated by; files beside the sources are not needed.
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let mut runner = TestRunner::new_with_rng(config, rng(seed));
    let outcome = runner.run(&history(), |history: History| {
        runtime.block_on(async { Comparison::new(harness).await.replay(&history).await })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => {
            panic!("{reason}\nseed {seed}; the smallest history found:\n{history:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("no histories could be made: {reason}"),
    }
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    for (byte, seed) in bytes.iter_mut().zip(seed.to_be_bytes()) {
        *byte = seed;
    }
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

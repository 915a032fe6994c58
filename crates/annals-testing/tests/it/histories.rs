//! Random histories agree with the specification, and disagree with every bug they can show.

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_testing::conformance::MemoryHarness;
use annals_testing::histories_agree;
use annals_testing::sabotage::{Sabotage, Sabotaged};

const CASES: u32 = 64;

/// Bugs that need no racing threads to show.
const SHOWN: &[Sabotage] = &[
    Sabotage::TailIsForgotten,
    Sabotage::SequenceCountsTheLog,
    Sabotage::MustNotExistIsUnchecked,
    Sabotage::TooHighIsAccepted,
    Sabotage::OnlyFirstStreamIsChecked,
    Sabotage::ExpectedEventIsIgnored,
    Sabotage::CheckThenAct,
    Sabotage::QueryConditionIsIgnored,
    Sabotage::OnlyFirstItemCounts,
    Sabotage::KnownPositionIsOffByOne,
    Sabotage::LedgerIsDropped,
    Sabotage::LedgerIsForgotten,
    Sabotage::LedgerComesAfterwards,
    Sabotage::EmptyAppendIsForgotten,
    Sabotage::ConditionComesBeforeLedger,
    Sabotage::RefusalUsesAPosition,
    Sabotage::RefusalLeavesAnEvent,
    Sabotage::RefusalStandsInLedger,
    Sabotage::RefusalTakesNeighbours,
    Sabotage::AppendsOvertake,
    Sabotage::WrittenIsCalledUnavailable,
    Sabotage::PageIsUnbounded,
    Sabotage::PageIsReversed,
    Sabotage::PageClaimsTheEnd,
    Sabotage::KnownSequenceIsIgnored,
    Sabotage::TagsAreReversed,
];

#[test]
fn random_histories_agree_with_the_specification() {
    histories_agree(&MemoryHarness, 4 * CASES);
    histories_agree(&Sabotaged::new(MemoryHarness, Sabotage::None), CASES);
}

#[test]
fn random_histories_disagree_with_every_bug_that_shows() {
    let overlooked: Vec<_> = SHOWN
        .iter()
        .filter(|sabotage| {
            let harness = Sabotaged::new(MemoryHarness, **sabotage);
            catch_unwind(AssertUnwindSafe(|| histories_agree(&harness, CASES))).is_ok()
        })
        .collect();
    assert!(overlooked.is_empty(), "{overlooked:?}");
}

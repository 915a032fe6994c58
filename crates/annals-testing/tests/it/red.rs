//! Every check turns red on a store with the bug it is there for.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use annals_testing::conformance::{
    Check, EVENT_STORE_CHECKS, Harness, MemoryHarness, SNAPSHOT_STORE_CHECKS, run,
};
use annals_testing::sabotage::{Sabotage, Sabotaged, SabotagedSnapshots};

/// A wait that never ends is red as well. Nothing else here takes a tenth of that.
const HANGS_AFTER: Duration = Duration::from_secs(3);

const SABOTAGES: &[(Sabotage, &[&str])] = &[
    (Sabotage::AppendIsTorn, &["g1_append_is_all_or_nothing"]),
    (Sabotage::TailIsForgotten, &["g2_acknowledged_events_survive_reopening"]),
    (
        Sabotage::EventComesLate,
        &["g3_positions_are_gap_free_in_commit_order", "g10_page_is_one_consistent_view"],
    ),
    (Sabotage::SequenceCountsTheLog, &["g4_sequences_of_a_stream_are_gap_free"]),
    (
        Sabotage::MustNotExistIsUnchecked,
        &[
            "g5_expected_sequence_is_enforced_for_every_n",
            "g5_racers_on_one_sequence_have_one_winner",
        ],
    ),
    (Sabotage::TooHighIsAccepted, &["g5_expected_sequence_is_enforced_for_every_n"]),
    (
        Sabotage::OnlyFirstStreamIsChecked,
        &[
            "g1_append_is_all_or_nothing",
            "g5_expected_sequence_is_enforced_for_every_n",
            "g5_racers_on_one_sequence_have_one_winner",
        ],
    ),
    (Sabotage::ExpectedEventIsIgnored, &["g5_expected_event_must_be_that_very_event"]),
    (
        Sabotage::CheckThenAct,
        &["g5_racers_on_one_sequence_have_one_winner", "g5_racers_on_one_query_have_one_winner"],
    ),
    (
        Sabotage::QueryConditionIsIgnored,
        &["g5_query_condition_sees_all_that_is_new", "g5_racers_on_one_query_have_one_winner"],
    ),
    (
        Sabotage::OnlyFirstItemCounts,
        &[
            "g5_query_condition_sees_all_that_is_new",
            "g5_racers_on_one_query_have_one_winner",
            "query_selects_exactly_what_matches",
        ],
    ),
    (
        Sabotage::KnownPositionIsOffByOne,
        &["g5_query_condition_sees_all_that_is_new", "g5_racers_on_one_query_have_one_winner"],
    ),
    (
        Sabotage::LedgerIsDropped,
        &[
            "g2_acknowledged_events_survive_reopening",
            "g6_repeated_command_id_returns_the_first_outcome",
            "g6_racing_repeats_are_written_once",
            "g6_ledger_tells_what_was_written",
        ],
    ),
    (
        Sabotage::LedgerIsForgotten,
        &[
            "g2_acknowledged_events_survive_reopening",
            "g6_repeated_command_id_returns_the_first_outcome",
        ],
    ),
    (
        Sabotage::LedgerComesAfterwards,
        &["g6_racing_repeats_are_written_once", "g8_unknown_outcome_is_resolved_by_repeating"],
    ),
    (Sabotage::EmptyAppendIsForgotten, &["g6_repeated_command_id_returns_the_first_outcome"]),
    (
        Sabotage::ConditionComesBeforeLedger,
        &[
            "g6_repeated_command_id_returns_the_first_outcome",
            "conditions_are_checked_in_the_documented_order",
        ],
    ),
    (
        Sabotage::RefusalUsesAPosition,
        &["g7_refused_append_leaves_no_trace", "g7_refused_append_does_not_disturb_its_neighbours"],
    ),
    (Sabotage::RefusalLeavesAnEvent, &["g7_refused_append_leaves_no_trace"]),
    (
        Sabotage::RefusalStandsInLedger,
        &["g7_refused_append_leaves_no_trace", "g6_ledger_tells_what_was_written"],
    ),
    (Sabotage::RefusalTakesNeighbours, &["g7_refused_append_does_not_disturb_its_neighbours"]),
    (Sabotage::AppendsOvertake, &["appends_are_taken_in_the_order_they_are_first_polled"]),
    (Sabotage::WrittenIsCalledUnavailable, &["g8_unknown_outcome_is_resolved_by_repeating"]),
    (Sabotage::TamperingSucceeds, &["g9_events_cannot_be_changed_or_removed"]),
    (Sabotage::TamperingIsDenied, &["g9_events_cannot_be_changed_or_removed"]),
    (Sabotage::PageIsUnbounded, &["g10_pages_are_bounded_and_in_order"]),
    (Sabotage::PageIsUnboundedInBytes, &["g10_pages_are_bounded_in_bytes"]),
    (
        Sabotage::PageIsReversed,
        &["g10_pages_are_bounded_and_in_order", "query_selects_exactly_what_matches"],
    ),
    (
        Sabotage::PageClaimsTheEnd,
        &["g10_pages_are_bounded_and_in_order", "query_selects_exactly_what_matches"],
    ),
    (
        Sabotage::PageHasTwoViews,
        &["g10_page_is_one_consistent_view", "g3_positions_are_gap_free_in_commit_order"],
    ),
    (Sabotage::KnownSequenceIsIgnored, &["stream_is_read_from_any_sequence"]),
    (
        Sabotage::AcknowledgedIsShownLate,
        &["reads_show_what_is_acknowledged_and_nothing_that_goes_away"],
    ),
    (Sabotage::UncertainIsShown, &["reads_show_what_is_acknowledged_and_nothing_that_goes_away"]),
    (Sabotage::LastChangeIsOverlooked, &["a_stream_that_has_changed_is_never_called_unchanged"]),
    (Sabotage::WakeUpIsLost, &["g11_waiting_misses_no_news"]),
    (Sabotage::WakeUpIsEarly, &["g11_waiting_misses_no_news"]),
    (Sabotage::JsonIsNormalised, &["g12_json_comes_back_to_the_letter"]),
    (Sabotage::NulIsCutOut, &["g12_nul_is_refused_up_front", "g12_json_comes_back_to_the_letter"]),
    (
        Sabotage::TagsAreReversed,
        &["g12_json_comes_back_to_the_letter", "g12_digest_is_the_same_on_every_store"],
    ),
    (Sabotage::TimeStepsBack, &["timestamps_never_step_back"]),
];

const SNAPSHOT_SABOTAGES: &[(SabotagedSnapshots, &[&str])] = &[
    (SabotagedSnapshots::LastSavedIsKept, &["snapshots_are_the_newest_up_to_a_sequence"]),
    (SabotagedSnapshots::EqualIsNotReplaced, &["snapshots_are_the_newest_up_to_a_sequence"]),
    (SabotagedSnapshots::CompareThenSave, &["snapshots_race_and_the_newest_stays"]),
    (SabotagedSnapshots::BoundIsIgnored, &["snapshots_are_the_newest_up_to_a_sequence"]),
    (SabotagedSnapshots::VersionIsIgnored, &["snapshots_are_kept_by_stream_and_state_version"]),
    (SabotagedSnapshots::StreamIdIsJoined, &["snapshots_are_kept_by_stream_and_state_version"]),
    (SabotagedSnapshots::StateIsNormalised, &["snapshots_come_back_as_they_were"]),
];

#[test]
fn every_sabotage_turns_its_checks_red() {
    let mut overlooked = Vec::new();
    for (sabotage, checks) in SABOTAGES {
        for name in *checks {
            let harness = Sabotaged::new(MemoryHarness, *sabotage);
            if !is_red(find(EVENT_STORE_CHECKS, name), &harness) {
                overlooked.push(format!("{sabotage:?} passes {name}"));
            }
        }
    }
    for (sabotage, checks) in SNAPSHOT_SABOTAGES {
        for name in *checks {
            if !is_red(find(SNAPSHOT_STORE_CHECKS, name), sabotage) {
                overlooked.push(format!("{sabotage:?} passes {name}"));
            }
        }
    }
    assert!(overlooked.is_empty(), "{overlooked:#?}");
}

#[test]
fn every_check_has_a_sabotage() {
    let sabotaged: BTreeSet<&str> = SABOTAGES
        .iter()
        .flat_map(|(_, checks)| *checks)
        .chain(SNAPSHOT_SABOTAGES.iter().flat_map(|(_, checks)| *checks))
        .copied()
        .collect();
    let all = EVENT_STORE_CHECKS.iter().chain(SNAPSHOT_STORE_CHECKS).map(|(name, _)| *name);
    assert_eq!(sabotaged, all.collect());
}

fn find(checks: &[(&str, Check)], name: &str) -> Check {
    checks.iter().find(|(known, _)| *known == name).expect("a check of the suite").1
}

fn is_red(check: Check, harness: &dyn Harness) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(check, harness, HANGS_AFTER))).is_err()
}

//! Every check of read databases turns red on one with the bug it is there for.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use annals_testing::read_models::{READ_MODEL_CHECKS, ReadModelCheck, ReadModelHarness, run};
use annals_testing::sabotage::SabotagedReadModels::{self, *};

/// Nothing here waits; a race that never ends is red as well.
const HANGS_AFTER: Duration = Duration::from_secs(5);

const SABOTAGES: &[(SabotagedReadModels, &[&str])] = &[
    (RowsComeLater, &["rejected_changes_leave_no_trace", "answers_are_one_consistent_view"]),
    (
        RejectedIsSkipped,
        &[
            "rejected_changes_leave_no_trace",
            "panic_of_the_projection_is_a_rejection",
            "too_long_index_value_is_rejected",
            "each_event_is_applied_once_on_any_schedule",
        ],
    ),
    (EmptyAdvanceIsSkipped, &["rows_and_checkpoint_move_together"]),
    (NothingIsCounted, &["rows_and_checkpoint_move_together"]),
    (
        FencingIsIgnored,
        &[
            "stale_advance_changes_nothing",
            "former_owner_cannot_write",
            "parking_again_is_the_same_letter",
            "repeated_drain_is_written_once",
            "each_event_is_applied_once_on_any_schedule",
        ],
    ),
    (OnlyFirstLeaseIsFenced, &["stale_advance_changes_nothing"]),
    (
        CheckpointIsNotCompared,
        &[
            "stale_advance_changes_nothing",
            "repeated_advance_is_written_once",
            "each_event_is_applied_once_on_any_schedule",
        ],
    ),
    (OnlyFirstPartitionMoves, &["partitions_of_one_advance_end_at_the_same_place"]),
    (RowIsForgotten, &["acknowledged_is_there_when_opened_again"]),
    (RowsAreShared, &["generations_share_nothing", "each_event_is_applied_once_on_any_schedule"]),
    (ShareIsRoundedDown, &["partitions_are_shared_fairly"]),
    (SurplusIsKept, &["partitions_are_shared_fairly", "surplus_is_given_back"]),
    (LeaseNeverEnds, &["dead_worker_is_taken_over", "former_owner_cannot_write"]),
    (RenewalIsForgotten, &["living_worker_keeps_its_partitions"]),
    (WritingRenewsNothing, &["living_worker_keeps_its_partitions"]),
    (
        PartitionHasTwoOwners,
        &[
            "partition_has_one_owner_at_a_time",
            "racing_claims_share_nothing",
            "dead_worker_is_taken_over",
        ],
    ),
    (FreeThenTaken, &["racing_claims_share_nothing"]),
    (
        TokenStays,
        &[
            "dead_worker_is_taken_over",
            "surplus_is_given_back",
            "released_partitions_are_free_at_once",
        ],
    ),
    (ReleaseIsForgotten, &["released_partitions_are_free_at_once"]),
    (LeftWorkerCounts, &["released_partitions_are_free_at_once"]),
    (ReportIsDropped, &["status_tells_what_workers_report"]),
    (UnknownIsNobodys, &["status_tells_what_workers_report"]),
    (PartitionsAreIgnored, &["parked_event_blocks_its_stream_only"]),
    (LetterIsReplaced, &["parking_again_is_the_same_letter"]),
    (RequestOutlivesRetry, &["parking_again_is_the_same_letter"]),
    (QueueIsReversed, &["events_queue_up_in_order"]),
    (QueueIsLost, &["events_queue_up_in_order", "each_event_is_applied_once_on_any_schedule"]),
    (
        LetterEndsWithItsEvent,
        &["queue_is_drained_in_chunks", "each_event_is_applied_once_on_any_schedule"],
    ),
    (LetterTellsOfAnother, &["queue_is_drained_in_chunks"]),
    (DiscardIsLost, &["request_to_discard_is_for_one_event"]),
    (DiscardGoesOn, &["request_to_discard_is_for_one_event"]),
    (RequestIsGoneEarly, &["queue_is_drained_in_chunks"]),
    (DrainIsNotCompared, &["repeated_drain_is_written_once"]),
    (
        QueueIsShortenedFirst,
        &["rejected_drain_leaves_no_trace", "each_event_is_applied_once_on_any_schedule"],
    ),
    (
        DiscardIsForgotten,
        &[
            "discarded_event_is_left_out_and_remembered",
            "each_event_is_applied_once_on_any_schedule",
        ],
    ),
    (DiscardNeedsNoRequest, &["discarded_event_is_left_out_and_remembered"]),
    (FirstRequestCounts, &["requests_of_others_are_seen"]),
    (LettersAreReversed, &["dead_letters_are_listed_oldest_first"]),
    (CursorMustExist, &["dead_letters_are_listed_oldest_first"]),
    (GoneLetterIsAccepted, &["letters_that_are_gone_are_not_found"]),
    (VersionIsForgotten, &["generation_tells_what_it_is"]),
    (LogIsForgotten, &["generation_remembers_its_log"]),
    (NumberIsReused, &["numbers_are_never_given_twice"]),
    (SeveralAreBuilt, &["one_generation_is_built_at_a_time"]),
    (HeldDoesNotCount, &["one_generation_is_built_at_a_time"]),
    (TwoServe, &["switch_retains_the_one_that_served", "racing_switches_leave_one_serving"]),
    (SwitchHasAGap, &["serving_position_never_goes_back", "answers_are_one_consistent_view"]),
    (
        SwitchGoesBack,
        &[
            "switch_does_not_go_back",
            "serving_position_never_goes_back",
            "each_event_is_applied_once_on_any_schedule",
        ],
    ),
    (SwitchLooksAtOnePartition, &["switch_does_not_go_back"]),
    (SwitchLooksFirst, &["serving_position_never_goes_back"]),
    (RetireTakesWhatServes, &["retire_removes_all_but_what_serves"]),
    (
        RetireIsForgotten,
        &["retire_removes_all_but_what_serves", "letters_that_are_gone_are_not_found"],
    ),
    (DifferenceIsIgnored, &["differing_generation_is_held"]),
    (OnlyRowsAreCompared, &["comparison_finds_every_difference"]),
    (ComparedAnywhere, &["comparison_finds_every_difference"]),
    (KeyIgnoresCase, &["document_is_found_by_its_key"]),
    (BuildingAnswers, &["document_is_found_by_its_key"]),
    (PrefixIsAPattern, &["documents_are_listed_by_key"]),
    (KeysAreCollated, &["documents_are_listed_by_key"]),
    (NumbersAreTexts, &["documents_are_listed_by_index"]),
    (CursorForgetsKey, &["documents_are_listed_by_index"]),
    (PageIsOneTooLong, &["pages_of_documents_are_bounded"]),
    (UnknownIndexIsEmpty, &["unknown_index_is_not_found"]),
    (PositionIsTheFastest, &["answer_is_as_new_as_the_slowest_partition"]),
    (PositionIsReadLater, &["answers_are_one_consistent_view"]),
    (ReaderIgnoresCase, &["checkpoint_is_kept_by_name"]),
    (ReaderIsNotCompared, &["checkpoint_is_replaced_once"]),
    (OnlyPositionIsCompared, &["checkpoint_is_replaced_once"]),
    (ReaderLooksFirst, &["checkpoint_is_replaced_once"]),
];

#[test]
fn every_sabotage_turns_its_checks_red() {
    let mut overlooked = Vec::new();
    for (sabotage, checks) in SABOTAGES {
        for name in *checks {
            if !is_red(find(name), sabotage) {
                overlooked.push(format!("{sabotage:?} passes {name}"));
            }
        }
    }
    assert!(overlooked.is_empty(), "{overlooked:#?}");
}

#[test]
fn every_check_has_a_sabotage() {
    let sabotaged: BTreeSet<&str> =
        SABOTAGES.iter().flat_map(|(_, checks)| *checks).copied().collect();
    assert_eq!(sabotaged, READ_MODEL_CHECKS.iter().map(|(name, _)| *name).collect());
}

fn find(name: &str) -> ReadModelCheck {
    READ_MODEL_CHECKS.iter().find(|(known, _)| *known == name).expect("a check of the suite").1
}

fn is_red(check: ReadModelCheck, harness: &dyn ReadModelHarness) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(check, harness, HANGS_AFTER))).is_err()
}

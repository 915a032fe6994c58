//! An instance that fails undoes what it had done, whatever happens meanwhile.

use super::sample::{Ask, Run, once, set, undoable};
use crate::saga::{SagaError, SagaEvent, SagaState};

/// Has done a, b and c, in this order.
fn with_three_done() -> Run {
    let mut run = Run::begin(&[
        ("told", &[undoable("a"), once("free")]),
        ("a done", &[undoable("b")]),
        ("b done", &[undoable("c")]),
        ("c done", &[once("d")]),
        ("d rejected", &[Ask::Fail]),
        ("compensated", &[once("tell")]),
    ]);
    for name in ["free", "a", "b", "c"] {
        run.succeed(name).unwrap();
    }
    run
}

#[test]
fn what_was_done_is_compensated_in_reverse_order() {
    let mut run = with_three_done();
    run.reject("d").unwrap();
    for undo in ["undo c", "undo b", "undo a"] {
        assert_eq!((run.state(), run.opened()), (SagaState::Compensating, vec![undo]));
        run.succeed(undo).unwrap();
    }
    assert_eq!((run.state(), run.opened()), (SagaState::Failing, vec!["tell"]));
    run.succeed("tell").unwrap();
    assert_eq!((run.state(), run.instance.reason()), (SagaState::Failed, Some("planned")));
    // The saga does not hear of compensations, but of their end.
    assert_eq!(run.heard().last_chunk(), Some(&["d rejected", "compensated", "tell done"]));
}

#[test]
fn order_of_compensation_is_that_of_success_not_of_dispatch() {
    let mut run = Run::begin(&[("told", &[undoable("a"), undoable("b")])]);
    run.succeed("b").unwrap();
    run.succeed("a").unwrap();
    run.compensate().unwrap();
    assert_eq!(run.opened(), ["undo a"]);
    run.succeed("undo a").unwrap();
    assert_eq!(run.opened(), ["undo b"]);
}

#[test]
fn step_that_succeeds_after_the_failure_is_compensated() {
    let mut run = Run::begin(&[
        ("told", &[undoable("a"), undoable("b"), undoable("c")]),
        ("c rejected", &[Ask::Fail]),
        ("b done", &[once("more")]),
    ]);
    run.succeed("a").unwrap();
    run.reject("c").unwrap();
    // Nothing is compensated as long as something may still succeed.
    assert_eq!((run.state(), run.opened()), (SagaState::Compensating, vec!["b"]));
    assert!(run.instance.is_to_be_cancelled(&run.open("b")));
    run.succeed("b").unwrap();
    // The saga has heard of it, but decides nothing any more.
    assert_eq!(run.heard().last(), Some(&"b done"));
    assert_eq!(run.opened(), ["undo b"]);
    run.succeed("undo b").unwrap();
    run.succeed("undo a").unwrap();
    assert_eq!(run.state(), SagaState::Failed);
}

#[test]
fn step_that_is_called_off_is_not_compensated_and_not_told() {
    let mut run =
        Run::begin(&[("told", &[undoable("a"), undoable("b")]), ("a done", &[Ask::Fail])]);
    run.succeed("a").unwrap();
    let late = run.open("b").number;
    run.cancel("b").unwrap();
    assert_eq!(run.opened(), ["undo a"]);
    assert_eq!(run.heard(), ["a done"]);
    let at = run.now;
    let repeated = crate::saga::SagaCommand::Cancel { step: late, at };
    assert_eq!(run.tell(repeated), Err(SagaError::Settled));
}

#[test]
fn only_what_is_of_no_use_any_more_can_be_called_off() {
    let mut run = Run::begin(&[("told", &[undoable("a")])]);
    assert_eq!(run.cancel("a"), Err(SagaError::Settled));
    run.succeed("a").unwrap();
    run.compensate().unwrap();
    // To call this off would lose what it gives back.
    assert!(!run.instance.is_to_be_cancelled(&run.open("undo a")));
    assert_eq!(run.cancel("undo a"), Err(SagaError::Settled));
}

#[test]
fn rejection_of_a_step_after_the_failure_decides_nothing() {
    let mut run =
        Run::begin(&[("told", &[once("a"), once("b")]), ("b rejected", &[once("instead")])]);
    run.compensate().unwrap();
    run.cancel("a").unwrap();
    run.reject("b").unwrap();
    assert_eq!((run.state(), run.opened()), (SagaState::Failed, vec![]));
    assert_eq!(run.heard(), ["b rejected", "compensated"]);
}

#[test]
fn rejected_compensation_waits_and_is_tried_again_in_a_new_round() {
    let mut run = with_three_done();
    run.reject("d").unwrap();
    assert_eq!(run.retry(), Err(SagaError::NotParked));
    run.reject("undo c").unwrap();
    let parked = run.open("undo c");
    assert!(run.instance.is_parked() && parked.parked.is_some_and(|parked| parked.is_rejected));
    assert_eq!((parked.round, run.opened()), (0, vec!["undo c"]));
    // It has its outcome: whoever comes late with another one is not believed.
    assert_eq!(run.succeed("undo c"), Err(SagaError::Settled));
    assert_eq!(run.reject("undo c"), Err(SagaError::Settled));
    assert_eq!(run.park("undo c"), Err(SagaError::Settled));

    run.retry().unwrap();
    assert_eq!((run.open("undo c").round, run.instance.is_parked()), (1, false));
    let (step, at) = (run.open("undo c").number, run.now);
    let late = crate::saga::SagaCommand::Reject {
        step,
        round: 0,
        rejection: "late".to_owned(),
        attempts: 1,
        at,
    };
    assert_eq!(run.tell(late), Err(SagaError::Settled));
    run.reject("undo c").unwrap();
    run.retry().unwrap();
    assert_eq!(run.open("undo c").round, 2);
    run.succeed("undo c").unwrap();
    assert_eq!(run.opened(), ["undo b"]);
}

#[test]
fn failing_with_nothing_done_ends_at_once() {
    let mut run = Run::begin(&[("told", &[once("a")]), ("a rejected", &[Ask::Fail])]);
    assert_eq!(run.reject("a").unwrap(), 2);
    assert!(matches!(run.events.last(), Some(SagaEvent::Compensated { .. })));
    assert_eq!(run.state(), SagaState::Failed);

    let run = Run::begin(&[("told", &[Ask::Fail])]);
    assert_eq!((run.state(), run.events.len()), (SagaState::Failed, 2));
}

#[test]
fn what_would_follow_a_failure_in_one_decision_is_left_out() {
    let run = Run::begin(&[("told", &[once("a"), Ask::Fail, once("b"), set("t", 1)])]);
    assert_eq!((run.state(), run.opened()), (SagaState::Compensating, vec!["a"]));
    assert_eq!(run.timers(), Vec::<&str>::new());
}

#[test]
fn failure_overrules_completion_but_not_the_other_way_round() {
    let mut run = Run::begin(&[
        ("told", &[undoable("a"), once("b"), Ask::Complete]),
        ("b rejected", &[Ask::Fail, Ask::Complete]),
        ("compensated", &[Ask::Complete, Ask::Fail]),
    ]);
    run.succeed("a").unwrap();
    assert_eq!(
        (run.state(), run.compensate()),
        (SagaState::Completing, Err(SagaError::Completing))
    );
    run.reject("b").unwrap();
    assert_eq!(run.state(), SagaState::Compensating);
    run.succeed("undo a").unwrap();
    assert_eq!(run.state(), SagaState::Failed);
}

#[test]
fn ordered_compensation_is_that_of_a_failure_and_ordered_once() {
    let mut run = with_three_done();
    run.compensate().unwrap();
    assert_eq!(run.compensate(), Err(SagaError::Compensating));
    assert_eq!(run.instance.reason(), Some("unwanted"));
    run.cancel("d").unwrap();
    for undo in ["undo c", "undo b", "undo a", "tell"] {
        assert_eq!(run.compensate(), Err(SagaError::Compensating));
        run.succeed(undo).unwrap();
    }
    assert_eq!(run.state(), SagaState::Failed);
    assert_eq!(run.compensate(), Err(SagaError::Ended));
}

#[test]
fn parked_step_is_called_off_without_an_operator() {
    let mut run = Run::begin(&[("told", &[undoable("a"), once("b")]), ("a done", &[Ask::Fail])]);
    run.park("b").unwrap();
    run.succeed("a").unwrap();
    assert!(!run.instance.is_parked());
    // Whoever still tries it cannot put it into an operator's hands.
    assert_eq!(run.park("b"), Err(SagaError::Settled));
    run.cancel("b").unwrap();
    assert_eq!(run.opened(), ["undo a"]);
}

#[test]
fn step_that_says_goodbye_after_compensation_is_not_compensated() {
    let mut run = Run::begin(&[
        ("told", &[Ask::Fail]),
        ("compensated", &[undoable("tell"), once("log")]),
        ("log rejected", &[once("log again")]),
    ]);
    run.succeed("tell").unwrap();
    run.reject("log").unwrap();
    assert_eq!((run.state(), run.opened()), (SagaState::Failing, vec!["log again"]));
    run.succeed("log again").unwrap();
    assert_eq!(run.state(), SagaState::Failed);
}

//! Every step has one outcome.

use super::sample::{Ask, Run, once, undoable};
use crate::saga::{SagaCommand, SagaError, SagaState};

#[test]
fn step_is_done_once() {
    let mut run = Run::begin(&[("told", &[once("a")]), ("a done", &[once("a")])]);
    let (first, at) = (run.open("a").number, run.now);
    run.succeed("a").unwrap();
    assert_ne!(run.open("a").number, first);
    let again = SagaCommand::Succeed { step: first, attempts: 1, at };
    assert_eq!(run.tell(again), Err(SagaError::Settled));
    let rejection = "late".to_owned();
    let other = SagaCommand::Reject { step: first, round: 0, rejection, attempts: 1, at };
    assert_eq!(run.tell(other), Err(SagaError::Settled));
    assert_eq!(run.heard(), ["a done"]);
}

#[test]
fn step_that_never_was_has_no_outcome() {
    let mut run = Run::begin(&[("told", &[once("a")])]);
    let at = run.now;
    for step in [0, 2, u32::MAX] {
        let command = SagaCommand::Succeed { step, attempts: 1, at };
        assert_eq!(run.tell(command), Err(SagaError::Settled));
    }
    assert_eq!(
        Run::default().tell(SagaCommand::Succeed { step: 1, attempts: 1, at }),
        Err(SagaError::Settled)
    );
}

#[test]
fn rejected_step_is_told_and_not_compensated() {
    let mut run = Run::begin(&[
        ("told", &[undoable("a"), undoable("b")]),
        ("a rejected", &[]),
        ("b done", &[Ask::Fail]),
    ]);
    run.reject("a").unwrap();
    assert_eq!((run.heard(), run.state()), (vec!["a rejected"], SagaState::Running));
    run.succeed("b").unwrap();
    run.succeed("undo b").unwrap();
    assert_eq!(run.state(), SagaState::Failed);
}

#[test]
fn retry_after_giving_up_keeps_the_round() {
    let mut run = Run::begin(&[("told", &[once("a"), once("b")])]);
    assert_eq!(run.retry(), Err(SagaError::NotParked));
    run.park("a").unwrap();
    assert!(run.instance.is_parked());
    // Once is enough.
    assert_eq!(run.park("a"), Err(SagaError::Settled));
    run.retry().unwrap();
    // Nobody knows whether it was done under this id, so it must be this id again.
    assert_eq!((run.open("a").round, run.instance.is_parked()), (0, false));
}

#[test]
fn parked_step_takes_the_outcome_that_arrives_after_all() {
    let mut run = Run::begin(&[("told", &[once("a"), once("b")])]);
    run.park("a").unwrap();
    run.succeed("a").unwrap();
    run.park("b").unwrap();
    run.reject("b").unwrap();
    assert!(!run.instance.is_parked() && run.opened().is_empty());
    assert_eq!(run.heard(), ["a done", "b rejected"]);
}

#[test]
fn retry_tries_all_that_is_parked() {
    let mut run = Run::begin(&[("told", &[once("a"), once("b"), once("c")])]);
    run.park("a").unwrap();
    run.park("c").unwrap();
    run.retry().unwrap();
    assert!(run.instance.open_steps().all(|step| step.parked.is_none() && step.round == 0));
}

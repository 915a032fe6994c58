//! How instances begin and end.

use super::sample::{Ask, Plan, Run, once, plan, set, told, undoable};
use crate::saga::{SagaCommand, SagaError, SagaState};

/// All that an instance can be told by others.
fn everything(run: &mut Run) -> Vec<(&'static str, Result<usize, SagaError>)> {
    let at = run.now;
    let concerns =
        SagaCommand::TakeEvent { event: Box::new(told(Plan::new(), 99)), begins: false, at };
    let error = "no".to_owned();
    let park = SagaCommand::Park { step: 1, attempts: 1, error, is_untold: false, at };
    vec![
        ("begin", run.take(Plan::new())),
        ("concern", run.tell(concerns)),
        ("succeed", run.tell(SagaCommand::Succeed { step: 1, attempts: 1, at })),
        ("cancel", run.tell(SagaCommand::Cancel { step: 1, at })),
        (
            "reject",
            run.tell(SagaCommand::Reject {
                step: 1,
                round: 0,
                rejection: "no".to_owned(),
                attempts: 1,
                at,
            }),
        ),
        ("park", run.tell(park)),
        ("tick", run.tick()),
        ("signal", run.signal("x")),
        ("retry", run.retry()),
        ("compensate", run.compensate()),
        ("abandon", run.abandon()),
    ]
}

fn ended() -> Vec<Run> {
    let completed = Run::begin(&[("told", &[Ask::Complete])]);
    let failed = Run::begin(&[("told", &[Ask::Fail])]);
    let mut abandoned = Run::begin(&[("told", &[once("a"), undoable("b"), set("t", 1)])]);
    abandoned.park("a").unwrap();
    abandoned.abandon().unwrap();
    vec![completed, failed, abandoned]
}

#[test]
fn ended_instance_takes_nothing() {
    for mut run in ended() {
        assert!(run.state().is_ended());
        let events = run.events.len();
        for (what, outcome) in everything(&mut run) {
            let expected = match what {
                "succeed" | "cancel" | "reject" | "park" => SagaError::Settled,
                _ => SagaError::Ended,
            };
            assert_eq!(outcome, Err(expected), "{what} on {:?}", run.state());
        }
        assert_eq!(run.events.len(), events);
    }
}

#[test]
fn instance_begins_with_an_event_that_may_begin_it_and_with_nothing_else() {
    for (what, outcome) in everything(&mut Run::default()).split_off(1) {
        // The first one began it.
        assert_ne!(outcome, Err(SagaError::NotFound), "{what}");
    }
    let mut run = Run::default();
    let at = run.now;
    let concerns =
        SagaCommand::TakeEvent { event: Box::new(told(Plan::new(), 1)), begins: false, at };
    assert_eq!(run.tell(concerns), Err(SagaError::NotFound));
    assert_eq!(run.tick(), Err(SagaError::NotFound));
    assert_eq!(run.signal("x"), Err(SagaError::NotFound));
    assert_eq!(run.retry(), Err(SagaError::NotFound));
    assert_eq!(run.compensate(), Err(SagaError::NotFound));
    assert_eq!(run.abandon(), Err(SagaError::NotFound));
    assert_eq!((run.state(), run.instance.origin()), (SagaState::New, None));
}

#[test]
fn later_beginnings_are_inputs_and_leave_the_origin() {
    let mut run = Run::begin(&[("told", &[once("a")])]);
    let origin = run.instance.origin().cloned();
    assert_eq!(origin.as_ref().map(|origin| origin.position.get()), Some(1));
    run.take(plan(&[("told", &[once("b")])])).unwrap();
    assert_eq!((run.opened(), run.heard()), (vec!["a", "b"], vec!["told"]));
    assert_eq!(run.instance.origin().cloned(), origin);
}

#[test]
fn completion_waits_for_what_is_open() {
    let mut run = Run::begin(&[
        ("told", &[once("a"), once("b"), Ask::Complete]),
        ("a done", &[once("c")]),
        ("b rejected", &[]),
    ]);
    assert_eq!(run.state(), SagaState::Completing);
    run.succeed("a").unwrap();
    run.reject("b").unwrap();
    assert_eq!((run.state(), run.opened()), (SagaState::Completing, vec!["c"]));
    run.succeed("c").unwrap();
    assert_eq!((run.state(), run.instance.reason()), (SagaState::Completed, None));
}

#[test]
fn abandoned_instance_stays_as_it_was() {
    let mut run = Run::begin(&[("told", &[undoable("a"), once("b"), set("t", 1)])]);
    run.succeed("a").unwrap();
    run.park("b").unwrap();
    run.abandon().unwrap();
    assert_eq!(
        (run.state(), run.instance.reason()),
        (SagaState::Abandoned, Some("settled by hand"))
    );
    // What was open can still be seen, and waits for nobody.
    assert_eq!(run.opened(), ["b"]);
    assert!(!run.instance.is_parked() && run.timers().is_empty());
    assert_eq!(run.heard(), ["a done"]);
}

#[test]
fn instance_without_anything_to_do_waits() {
    let mut run = Run::begin(&[("x signalled", &[Ask::Complete])]);
    assert_eq!((run.state(), run.opened()), (SagaState::Running, vec![]));
    run.signal("x").unwrap();
    assert_eq!(run.state(), SagaState::Completed);
}

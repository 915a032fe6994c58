//! The bounds of an instance.

use super::sample::{Ask, Run, is_fired, once, plan, set, undoable, within};
use crate::limits::{
    APPEND_EVENTS_MAX, LimitError, SAGA_COMPENSATIONS_MAX, SAGA_OPEN_MAX, SAGA_STEPS_MAX,
};
use crate::saga::SagaError;

fn many(count: usize, ask: impl Fn(&str) -> Ask, name: &str) -> Vec<Ask> {
    (0..count).map(|number| ask(&format!("{name}{number}"))).collect()
}

fn refused(run: &mut Run, asked: &[Ask]) -> (&'static str, usize) {
    let before = super::sample::value(&run.instance);
    let outcome = run.take(plan(&[("told", asked)]));
    assert_eq!(super::sample::value(&run.instance), before);
    match outcome {
        Err(SagaError::Limit(LimitError::TooMany { what, count, .. })) => (what, count),
        other => panic!("{other:?}"),
    }
}

#[test]
fn steps_of_one_decision_are_bounded() {
    let mut run = Run::begin(&[("told", &many(SAGA_STEPS_MAX, once, "a"))]);
    let too_many = many(SAGA_STEPS_MAX + 1, once, "b");
    assert_eq!(refused(&mut run, &too_many), ("steps decided at once", SAGA_STEPS_MAX + 1));
}

fn filled(ask: impl Fn(&str) -> Ask) -> Run {
    let mut run = Run::default();
    for page in 0..SAGA_OPEN_MAX / SAGA_STEPS_MAX {
        let asked = many(SAGA_STEPS_MAX, &ask, &format!("{page}-"));
        run.take(plan(&[("told", &asked)])).unwrap();
    }
    run
}

#[test]
fn open_steps_are_bounded_and_make_room_when_done() {
    let mut run = filled(once);
    let (_, count) = refused(&mut run, &[once("more")]);
    assert_eq!(count, SAGA_OPEN_MAX + 1);
    // Nothing is decided on this one, so it can be taken.
    run.take(plan(&[("told", &[])])).unwrap();
    run.succeed("0-0").unwrap();
    run.take(plan(&[("told", &[once("more")])])).unwrap();
}

#[test]
fn set_timers_are_bounded_and_replacing_one_is_none_more() {
    let mut run = filled(|name| set(name, 1));
    let (_, count) = refused(&mut run, &[set("more", 1)]);
    assert_eq!(count, SAGA_OPEN_MAX + 1);
    run.take(plan(&[("told", &[set("0-0", 5)])])).unwrap();
}

/// What would have to be compensated is part of the state, which is copied and saved: without a
/// bound, an instance that goes on for years becomes slower with each step.
#[test]
fn steps_to_compensate_are_bounded_and_whatever_is_done_can_be_recorded() {
    let mut run = Run::default();
    for page in 0..SAGA_COMPENSATIONS_MAX / SAGA_STEPS_MAX {
        let asked = many(SAGA_STEPS_MAX, undoable, &format!("{page}-"));
        run.take(plan(&[("told", &asked)])).unwrap();
        // Done or open, it counts.
        while page == 0 && !run.opened().is_empty() {
            let name = run.opened()[0].to_owned();
            run.succeed(&name).unwrap();
        }
    }
    let more = plan(&[("told", &[once("b")]), ("b done", &[undoable("c")])]);
    assert_eq!(refused(&mut run, &[undoable("more")]), ("steps to compensate", 1_001));
    run.take(more).unwrap();
    // It is done, but what is decided on it is too much. An operator can have all of it undone.
    assert!(matches!(run.succeed("b"), Err(SagaError::Limit(_))));
    run.park("b").unwrap();
    run.compensate().unwrap();
    run.succeed("b").unwrap();
    run.succeed("9-0").unwrap();
    run.cancel("9-1").unwrap();
    assert_eq!(run.opened().len(), SAGA_OPEN_MAX - SAGA_STEPS_MAX - 2);
}

/// Once, everything due was fired in one append: with more than that can hold, nothing ever was.
#[test]
fn more_may_be_due_than_one_append_holds() {
    let mut run = filled(|name| set(name, 1));
    for page in 0..SAGA_OPEN_MAX / SAGA_STEPS_MAX {
        let asked = many(SAGA_STEPS_MAX, |name| within(name, 1), &format!("{page}-"));
        run.take(plan(&[("told", &asked)])).unwrap();
    }
    run.tick_after(1).unwrap();
    let mut ticks = 1;
    loop {
        match run.tick().unwrap() {
            0 => break,
            fired => assert!(fired <= APPEND_EVENTS_MAX),
        }
        ticks += 1;
    }
    assert_eq!(run.count(is_fired), SAGA_OPEN_MAX);
    assert_eq!((ticks, run.heard().len()), (4, 19 + 2 * SAGA_OPEN_MAX));
}

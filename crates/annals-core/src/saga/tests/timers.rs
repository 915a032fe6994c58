//! A timer that is set fires once, unless it was cancelled before.

use chrono::{DateTime, Utc};

use super::sample::{Ask, Run, is_fired, once, set, unset, within};
use crate::saga::{SagaError, SagaEvent, SagaState};

#[test]
fn timer_fires_when_due_and_once() {
    let mut run = Run::begin(&[("told", &[set("t", 10)])]);
    assert_eq!(run.tick_after(9), Ok(0));
    assert_eq!(run.tick_after(1), Ok(1));
    assert_eq!(run.tick_after(100), Ok(0));
    assert_eq!((run.heard(), run.timers()), (vec!["t fired"], vec![]));
}

#[test]
fn timer_that_is_set_again_fires_at_the_new_time_only() {
    let mut run = Run::begin(&[("told", &[set("t", 10)]), ("x signalled", &[set("t", 10)])]);
    run.tick_after(5).unwrap();
    run.signal("x").unwrap();
    assert_eq!(run.timers(), ["t"]);
    assert_eq!(run.tick_after(9), Ok(0));
    assert_eq!(run.tick_after(1), Ok(1));
    assert_eq!(run.tick_after(100), Ok(0));
}

#[test]
fn cancelled_timer_does_not_fire_and_others_do() {
    let mut run = Run::begin(&[
        ("told", &[set("t", 10), set("u", 10), unset("unknown")]),
        ("x signalled", &[unset("t")]),
    ]);
    run.signal("x").unwrap();
    assert_eq!(run.tick_after(10), Ok(1));
    assert_eq!(run.heard(), ["x signalled", "u fired"]);
}

#[test]
fn what_is_due_fires_in_its_order_and_may_cancel_what_follows() {
    let mut run = Run::begin(&[
        ("told", &[set("third", 3), set("second", 2), set("first", 1), within("late", 2)]),
        ("second fired", &[unset("third")]),
    ]);
    // The clock stood still for long: all are due at once.
    assert_eq!(run.tick_after(100), Ok(3));
    assert_eq!(run.heard(), ["first fired", "second fired", "late late"]);
    assert_eq!(run.timers(), Vec::<&str>::new());
}

#[test]
fn timer_set_again_while_it_fires_waits_for_its_new_time() {
    let mut run = Run::begin(&[("told", &[set("t", 1)]), ("t fired", &[set("t", 1)])]);
    for _ in 0..3 {
        assert_eq!(run.tick_after(1), Ok(1));
        assert_eq!(run.tick(), Ok(0));
    }
    assert_eq!(run.count(is_fired), 3);
}

#[test]
fn time_that_steps_back_fires_nothing() {
    let mut run = Run::begin(&[("told", &[set("t", 10)])]);
    assert_eq!(run.tick_after(-1_000), Ok(0));
    assert_eq!(run.timers(), ["t"]);
}

#[test]
fn timers_are_cancelled_by_completion_and_by_failure() {
    for end in [Ask::Complete, Ask::Fail] {
        let mut run = Run::begin(&[
            ("told", &[once("a"), set("t", 10)]),
            ("x signalled", std::slice::from_ref(&end)),
        ]);
        run.signal("x").unwrap();
        assert_eq!((run.timers(), run.opened()), (vec![], vec!["a"]), "{end:?}");
        assert_eq!(run.tick_after(100), Ok(0));
    }
}

#[test]
fn timer_set_on_the_last_steps_ends_with_the_instance() {
    let mut run = Run::begin(&[
        ("told", &[once("a"), Ask::Complete, set("t", 10)]),
        ("t fired", &[set("t", 10)]),
    ]);
    run.tick_after(10).unwrap();
    assert_eq!((run.state(), run.timers()), (SagaState::Completing, vec!["t"]));
    run.succeed("a").unwrap();
    assert_eq!((run.state(), run.timers()), (SagaState::Completed, vec![]));
    assert_eq!(run.tick_after(10), Err(SagaError::Ended));
}

#[test]
fn failed_instance_waits_for_timers_set_after_compensation() {
    let mut run = Run::begin(&[("told", &[Ask::Fail]), ("compensated", &[set("t", 10)])]);
    assert_eq!(run.state(), SagaState::Failing);
    run.tick_after(10).unwrap();
    assert_eq!((run.state(), run.heard()), (SagaState::Failed, vec!["compensated", "t fired"]));
}

#[test]
fn overdue_is_told_once_and_the_outcome_all_the_same() {
    let mut run =
        Run::begin(&[("told", &[within("a", 10)]), ("a late", &[set("t", 10), once("b")])]);
    assert_eq!(run.tick_after(9), Ok(0));
    assert_eq!(run.tick_after(1), Ok(1));
    assert_eq!(run.tick_after(1), Ok(0));
    assert_eq!(run.opened(), ["a", "b"]);
    run.succeed("a").unwrap();
    assert_eq!(run.heard(), ["a late", "a done"]);
}

#[test]
fn step_that_is_done_or_called_off_is_not_overdue() {
    let mut run =
        Run::begin(&[("told", &[within("a", 10), within("b", 10)]), ("a done", &[Ask::Fail])]);
    run.succeed("a").unwrap();
    assert_eq!(run.tick_after(100), Ok(0));
    assert_eq!(run.opened(), ["b"]);
}

#[test]
fn time_beyond_the_calendar_is_its_end() {
    let run = Run::begin(&[("told", &[set("t", u64::MAX), within("a", u64::MAX)])]);
    let ends = DateTime::<Utc>::MAX_UTC;
    assert_eq!(run.instance.timers().map(|timer| timer.due_at).collect::<Vec<_>>(), [ends]);
    assert_eq!(run.open("a").overdue_at, Some(ends));
    // It must be possible to read it again.
    for event in &run.events {
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<SagaEvent<_, _, _, _, _>>(&text).unwrap(), *event);
    }
}

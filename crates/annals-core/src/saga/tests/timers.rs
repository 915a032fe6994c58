//! A timer that is set fires once, unless it was cancelled before.

use chrono::{DateTime, TimeDelta, Utc};

use super::sample::{Ask, Run, is_fired, once, set, unset, within};
use crate::saga::{SagaCommand, SagaError, SagaEvent, SagaState};

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
fn as_many_fire_as_are_asked_for_the_first_first() {
    let mut run = Run::begin(&[("told", &[set("third", 3), set("first", 1), within("second", 2)])]);
    run.now += TimeDelta::seconds(100);
    for expected in ["first fired", "second late", "third fired"] {
        assert_eq!(run.fire(1), Ok(1));
        assert_eq!(run.heard().last(), Some(&expected));
    }
    assert_eq!(run.fire(1), Ok(0));
}

#[test]
fn parked_timer_waits_for_somebody_and_the_others_do_not() {
    let mut run = Run::begin(&[("told", &[set("bad", 1), set("good", 2)])]);
    run.now += TimeDelta::seconds(1);
    assert_eq!(run.park_due(), Ok(1));
    assert!(run.instance.is_parked() && run.instance.first_due(run.now).is_none());
    assert_eq!(run.tick_after(100), Ok(1));
    assert_eq!((run.heard(), run.timers()), (vec!["good fired"], vec!["bad"]));
    let bad = run.instance.timers().next().unwrap();
    let step = bad.number;
    assert!(bad.parked.as_ref().is_some_and(|parked| parked.error == "a panic"));
    let (error, at) = ("again".to_owned(), run.now);
    let again = SagaCommand::Park { step, attempts: 1, error, is_untold: true, at };
    assert_eq!(run.tell(again), Err(SagaError::Settled));
    run.retry().unwrap();
    assert_eq!((run.tick(), run.heard()), (Ok(1), vec!["good fired", "bad fired"]));
}

#[test]
fn parked_timer_that_is_set_again_or_cancelled_waits_for_nobody() {
    for mends in [set("bad", 5), unset("bad")] {
        let mut run = Run::begin(&[
            ("told", &[set("bad", 1)]),
            ("x signalled", std::slice::from_ref(&mends)),
        ]);
        run.now += TimeDelta::seconds(1);
        run.park_due().unwrap();
        run.signal("x").unwrap();
        assert!(!run.instance.is_parked(), "{mends:?}");
    }
}

#[test]
fn step_that_cannot_be_told_overdue_is_parked_and_told_when_it_is_retried() {
    let mut run = Run::begin(&[("told", &[within("a", 1), set("t", 2)])]);
    run.now += TimeDelta::seconds(5);
    run.park_due().unwrap();
    assert!(run.open("a").parked.is_some_and(|parked| parked.is_untold));
    assert_eq!(run.tick(), Ok(1));
    run.retry().unwrap();
    assert_eq!((run.tick(), run.heard()), (Ok(1), vec!["t fired", "a late"]));
}

#[test]
fn step_that_is_parked_is_told_overdue_all_the_same() {
    let mut run = Run::begin(&[("told", &[within("a", 1)])]);
    run.park("a").unwrap();
    assert_eq!((run.tick_after(1), run.heard()), (Ok(1), vec!["a late"]));
    assert!(run.instance.is_parked());
}

#[test]
fn what_is_not_due_and_what_is_no_timer_is_not_parked_as_one() {
    let mut run = Run::begin(&[("told", &[once("a"), set("t", 1)])]);
    let (timer, step) = (run.instance.timers().next().unwrap().number, run.open("a").number);
    for (step, is_untold) in [(timer, false), (step, true), (99, true), (99, false)] {
        let (error, at) = ("no".to_owned(), run.now);
        let park = SagaCommand::Park { step, attempts: 1, error, is_untold, at };
        assert_eq!(run.tell(park), Err(SagaError::Settled), "{step} {is_untold}");
    }
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

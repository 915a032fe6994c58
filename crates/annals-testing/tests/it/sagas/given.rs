//! Given/when/then of sagas passes what is right, and tells what is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_core::{Correlation, Dispatch, Input, SagaState, Steps, StreamId};
use annals_testing::{GivenSaga, Told, correlation_of, given_saga};

use super::domain::{DAY, GiftEvent, Giving, LATE, PurseError, put, take};

fn promised() -> GivenSaga<Giving> {
    let (from, to) = ("ann".to_owned(), "bob".to_owned());
    given_saga().told(Input::Event(GiftEvent::Promised { from, to, amount: 5 }))
}

fn first_steps() -> Steps<Giving> {
    let step = Dispatch::new(take("ann", 5)).compensated_by(put("ann", 5)).within(LATE);
    Steps::none().dispatch(step).set_timer((), DAY)
}

fn second_step() -> Steps<Giving> {
    Steps::none().dispatch(Dispatch::new(put("bob", 5)).compensated_by(take("bob", 5)))
}

#[test]
fn what_is_right_passes() {
    let (from, to) = ("ann".to_owned(), "bob".to_owned());
    given_saga::<Giving>()
        .when(Input::Event(GiftEvent::Promised { from, to, amount: 5 }))
        .then(first_steps())
        .when(Input::Overdue(take("ann", 5)))
        .then_nothing()
        .when(Input::Event(GiftEvent::Wrapped))
        .then_nothing()
        .then_saga(|giving| assert!(giving.is_wrapped))
        .when(Input::Succeeded(take("ann", 5)))
        .then(second_step())
        .then_state(SagaState::Running)
        .when(Input::Succeeded(put("bob", 5)))
        .then(Steps::none().complete())
        .then_state(SagaState::Completed);
    promised()
        .told(Input::Succeeded(take("ann", 5)))
        .when(Input::Rejected { command: put("bob", 5), rejection: PurseError::IsShut })
        .then(Steps::none().fail("it is shut"))
        .then_compensates(put("ann", 5))
        .then_state(SagaState::Compensating)
        .when(Input::Succeeded(put("ann", 5)))
        .then_nothing()
        .then_state(SagaState::Failed);
    promised()
        .told(Input::Overdue(take("ann", 5)))
        .when(Input::Fired(()))
        .then(Steps::none().fail("it took too long"));
}

#[test]
fn what_is_called_off_and_ordered_is_told_as_well() {
    promised()
        .told(Told::CompensationOrdered)
        .when(Told::CalledOff(take("ann", 5)))
        .then_nothing()
        .then_state(SagaState::Failed);
    promised()
        .when(Input::Signal { signal: "no".to_owned(), by: "ann".to_owned() })
        .then(Steps::none().fail("no"))
        .then_state(SagaState::Compensating);
}

#[test]
fn events_correlate_by_their_stream() {
    let stream = StreamId::new("gift", "g1").unwrap();
    let correlation = correlation_of::<Giving>(stream, GiftEvent::Wrapped);
    assert_eq!(correlation, Correlation::Concerns("g1".to_owned()));
}

/// What a test that must fail says.
fn told(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test must fail");
    *panic.downcast::<String>().expect("the message is text")
}

#[test]
fn failure_tells_given_when_expected_and_actual() {
    let wrong_step = told(|| {
        let _ = promised().when(Input::Succeeded(take("ann", 5))).then(Steps::none().complete());
    });
    assert!(wrong_step.contains("given\n    Event(Promised {"), "{wrong_step}");
    assert!(wrong_step.contains("when\n    Succeeded(Take {"), "{wrong_step}");
    assert!(wrong_step.contains("expected\n    Complete\nbut got\n    Dispatch("), "{wrong_step}");
    let wrong_state = told(|| {
        let _ = promised().when(Input::Succeeded(take("ann", 5))).then_state(SagaState::Completed);
    });
    assert!(wrong_state.contains("Running, with open steps\n    Put {"), "{wrong_state}");
    let nothing_to_undo = told(|| {
        let _ = promised().when(Told::CompensationOrdered).then_compensates(put("ann", 5));
    });
    assert!(nothing_to_undo.contains("a compensation by"), "{nothing_to_undo}");
}

#[test]
fn instance_is_only_told_what_fits() {
    let not_open = told(|| drop(promised().told(Input::Succeeded(put("bob", 5)))));
    assert!(
        not_open.contains("the outcome of a step that is open\nbut got\n    Take"),
        "{not_open}"
    );
    let not_alone = told(|| drop(promised().told(Input::Fired(()))));
    assert!(
        not_alone.contains("that only this is due then\nbut got\n    StepOverdue"),
        "{not_alone}"
    );
    let not_set = told(|| {
        drop(
            promised()
                .told(Input::Succeeded(take("ann", 5)))
                .told(Input::Succeeded(put("bob", 5)))
                .told(Input::Fired(())),
        );
    });
    assert!(not_set.contains("a timer that is set\nbut got\n    nothing"), "{not_set}");
    let ended = told(|| {
        drop(
            promised()
                .told(Input::Succeeded(take("ann", 5)))
                .told(Input::Succeeded(put("bob", 5)))
                .told(Input::Event(GiftEvent::Wrapped)),
        );
    });
    assert!(ended.contains("that the instance takes it\nbut got\n    the saga"), "{ended}");
    let by_itself = told(|| drop(promised().told(Input::Compensated { reason: String::new() })));
    assert!(by_itself.contains("tells itself"), "{by_itself}");
}

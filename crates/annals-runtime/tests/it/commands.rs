//! Executing commands: outcomes, repeats, conflicts, limits.

use std::sync::Arc;

use annals_core::{CommandId, EventStore, Position, Sequence};
use annals_runtime::{App, ExecuteError, Options, Retry};

use crate::domain::{Account, Command, Event, InsufficientFunds, app, app_on, id, memory};
use crate::stores::AlwaysFaster;

fn sequence(value: u64) -> Sequence {
    Sequence::new(value).unwrap()
}

#[tokio::test]
async fn a_command_answers_with_its_events_and_their_place() {
    let app = app();
    let first = app.execute::<Account>(&id("1"), Command::Deposit(500)).await.unwrap();
    assert_eq!(first.events, [Event::Deposited { amount: 500 }]);
    assert_eq!((first.sequence.get(), first.position.get()), (1, 1));
    assert!(!first.repeated);
    assert_eq!(first.attempts, 1);
    let other = app.execute::<Account>(&id("2"), Command::Deposit(1)).await.unwrap();
    assert_eq!((other.sequence.get(), other.position.get()), (1, 2));
}

#[tokio::test]
async fn a_rejection_comes_back_typed_and_writes_nothing() {
    let app = app();
    let error = app.execute::<Account>(&id("1"), Command::Withdraw(1)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    assert_eq!(error.to_string(), "insufficient funds");
    assert_eq!(app.store().head().await.unwrap(), Position::ZERO);
}

#[tokio::test]
async fn a_command_with_nothing_to_do_succeeds_and_writes_nothing() {
    let app = app();
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    app.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    let nothing = app.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    assert_eq!(nothing.events, []);
    assert_eq!((nothing.sequence.get(), nothing.position.get()), (2, 2));
    assert_eq!(app.store().head().await.unwrap().get(), 2);
}

#[tokio::test]
async fn a_repeat_returns_the_first_outcome_also_from_a_new_application() {
    let store = memory();
    let app = app_on(&store);
    let command_id = CommandId::new();
    let deposit = |app: &App<()>| {
        let app = app.clone();
        async move {
            app.execute::<Account>(&id("1"), Command::Deposit(500)).command_id(command_id).await
        }
    };
    let first = deposit(&app).await.unwrap();
    app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    for app in [&app, &app_on(&store)] {
        let repeat = deposit(app).await.unwrap();
        assert!(repeat.repeated);
        assert_eq!(repeat.events, first.events);
        assert_eq!((repeat.sequence, repeat.position), (first.sequence, first.position));
    }
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 501);
}

#[tokio::test]
async fn a_repeat_that_would_now_be_rejected_still_returns_the_first_outcome() {
    let app = app();
    let command_id = CommandId::new();
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    for is_repeat in [false, true] {
        let done = app
            .execute::<Account>(&id("1"), Command::Withdraw(5))
            .command_id(command_id)
            .expect_sequence(sequence(1))
            .await
            .unwrap();
        assert_eq!(done.repeated, is_repeat);
        assert_eq!(done.sequence.get(), 2);
    }
}

#[tokio::test]
async fn a_repeat_of_a_command_that_had_nothing_to_do_has_nothing_to_do_again() {
    let app = app();
    let command_id = CommandId::new();
    let empty = || app.execute::<Account>(&id("1"), Command::Empty).command_id(command_id);
    assert_eq!(empty().await.unwrap().events, []);
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    let repeat = empty().await.unwrap();
    assert!(repeat.repeated);
    assert_eq!(repeat.events, []);
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 5);
}

#[tokio::test]
async fn a_rejected_command_leaves_no_outcome_and_is_decided_anew() {
    let app = app();
    let command_id = CommandId::new();
    let withdraw = || app.execute::<Account>(&id("1"), Command::Withdraw(5)).command_id(command_id);
    assert!(withdraw().await.is_err());
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    assert!(!withdraw().await.unwrap().repeated);
}

#[tokio::test]
async fn a_command_id_of_another_aggregate_is_refused() {
    let app = app();
    let command_id = CommandId::new();
    let deposit = |to| app.execute::<Account>(&id(to), Command::Deposit(5)).command_id(command_id);
    let _ = deposit("1").await.unwrap();
    let error = deposit("2").await.unwrap_err();
    assert!(matches!(error, ExecuteError::CommandIdReused { .. }), "{error}");
    assert_eq!(app.load::<Account>(&id("2")).await.unwrap().state.balance, 0);
}

#[tokio::test]
async fn an_expected_sequence_is_enforced_for_every_value() {
    let app = app();
    let deposit = |expected| {
        let app = app.clone();
        async move {
            let expected = sequence(expected);
            app.execute::<Account>(&id("1"), Command::Deposit(1)).expect_sequence(expected).await
        }
    };
    for (expected, actual) in [(1, 0), (u64::from(u32::MAX), 0)] {
        let error = deposit(expected).await.unwrap_err();
        let text = format!("account/1 is at sequence {actual}, expected {expected}");
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(deposit(0).await.unwrap().sequence.get(), 1);
    assert!(matches!(deposit(0).await, Err(ExecuteError::SequenceMismatch { .. })));
    assert_eq!(deposit(1).await.unwrap().sequence.get(), 2);
}

#[tokio::test]
async fn a_dry_run_decides_and_writes_nothing() {
    let app = app();
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    let dry = app.execute::<Account>(&id("1"), Command::Withdraw(5)).dry_run().await.unwrap();
    assert_eq!(dry.events, [Event::Withdrawn { amount: 5 }]);
    assert_eq!(dry.sequence.get(), 1);
    let error = app.execute::<Account>(&id("1"), Command::Withdraw(6)).dry_run().await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    assert_eq!(app.store().head().await.unwrap().get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_applications_on_one_log_lose_nothing_to_each_other() {
    const COMMANDS: i64 = 200;
    let store = memory();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let app = App::with_options(Arc::clone(&store) as _, None, (), patient());
        for amount in 1..=COMMANDS {
            let app = app.clone();
            tasks.spawn(async move {
                app.execute::<Account>(&id("hot"), Command::Deposit(amount)).await.unwrap()
            });
        }
    }
    tasks.join_all().await;
    let loaded = app_on(&store).load::<Account>(&id("hot")).await.unwrap();
    assert_eq!(loaded.state.balance, COMMANDS * (COMMANDS + 1));
    assert_eq!(loaded.sequence.get(), 2 * COMMANDS.unsigned_abs());
}

/// So many attempts that only a livelock would reach their end.
fn patient() -> Options {
    let mut options = Options::default();
    options.retry.attempts_max = 10_000;
    options
}

#[tokio::test]
async fn a_state_made_stale_by_another_application_costs_a_retry_and_is_reported() {
    let store = memory();
    let (one, other) = (app_on(&store), app_on(&store));
    one.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    other.execute::<Account>(&id("1"), Command::Deposit(2)).await.unwrap();
    let done = one.execute::<Account>(&id("1"), Command::Deposit(4)).await.unwrap();
    assert_eq!((done.attempts, done.sequence.get()), (2, 3));
    assert_eq!(one.load::<Account>(&id("1")).await.unwrap().state.balance, 7);
}

#[tokio::test]
async fn a_rejection_is_never_decided_on_a_stale_state() {
    let store = memory();
    let (one, other) = (app_on(&store), app_on(&store));
    one.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    other.execute::<Account>(&id("1"), Command::Deposit(99)).await.unwrap();
    // In the memory of `one` the balance is still 1.
    let done = one.execute::<Account>(&id("1"), Command::Withdraw(100)).await.unwrap();
    assert_eq!((done.attempts, done.sequence.get()), (1, 3));
    let nothing = one.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    assert_eq!(nothing.events, []);
    other.execute::<Account>(&id("1"), Command::Deposit(7)).await.unwrap();
    let emptied = one.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    assert_eq!(emptied.events, [Event::Withdrawn { amount: 7 }]);
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_given_up_after_the_documented_attempts() {
    let store = Arc::new(AlwaysFaster::default());
    let mut options = Options::default();
    options.retry = Retry { attempts_max: 5, ..Retry::default() };
    let app = App::with_options(store, None, (), options);
    let error = app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Contention { attempts: 5, .. }), "{error}");
}

#[tokio::test]
async fn an_id_that_cannot_name_a_stream_is_refused_with_its_reason() {
    let app = app();
    for (wrong, reason) in [
        ("", "aggregate id is empty"),
        ("a\0b", "aggregate id contains '\\0' at byte 1, allowed are all but control characters"),
    ] {
        let error = app.execute::<Account>(&id(wrong), Command::Deposit(1)).await.unwrap_err();
        assert_eq!(error.to_string(), reason);
        assert_eq!(app.load::<Account>(&id(wrong)).await.unwrap_err().to_string(), reason);
    }
    assert_eq!(app.store().head().await.unwrap(), Position::ZERO);
}

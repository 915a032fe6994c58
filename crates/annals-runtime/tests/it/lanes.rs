//! Commands of one aggregate inside one application: in order, together, and never on what may
//! yet be lost.

use std::sync::Arc;

use annals_core::{EventStore, MemoryStore, Sequence};
use annals_runtime::ExecuteError;
use annals_testing::{Call, Fault, FaultyStore, Gate};

use crate::domain::{Account, Command, Event, InsufficientFunds, app, app_on, id};
use crate::stores::Restorable;

/// Lets every other task of a single-threaded runtime go as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A store on which the first append is held at the gate.
fn held(fault: impl FnOnce(Gate) -> Fault) -> (Arc<FaultyStore<MemoryStore>>, Gate) {
    let gate = Gate::new();
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, fault(gate.clone()));
    (Arc::new(store), gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_of_one_application_on_one_aggregate_never_conflict() {
    let app = app();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let app = app.clone();
        tasks.spawn(async move {
            app.execute::<Account>(&id("hot"), Command::Deposit(1)).await.unwrap()
        });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|executed| executed.sequence);
    for (executed, sequence) in done.iter().zip(1..) {
        assert_eq!((executed.sequence.get(), executed.attempts), (sequence, 1));
    }
    assert_eq!(done.len(), 500);
}

#[tokio::test]
async fn a_command_does_not_wait_for_the_flush_of_the_one_before() {
    let (store, gate) = held(Fault::AnswerHeld);
    let app = app_on(&store);
    let first = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap() }
    });
    gate.arrived(1).await;
    // Decided on the deposit that nobody has acknowledged yet.
    let second = app.execute::<Account>(&id("1"), Command::Withdraw(5)).await.unwrap();
    assert_eq!((second.sequence.get(), second.attempts), (2, 1));
    assert!(!first.is_finished());
    gate.open();
    assert_eq!(first.await.unwrap().sequence.get(), 1);
}

#[tokio::test]
async fn a_rejection_waits_until_what_it_rests_on_is_durable() {
    let (store, gate) = held(Fault::Held);
    let app = app_on(&store);
    let deposit = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap() }
    });
    gate.arrived(1).await;
    let withdrawal = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Withdraw(6)).await }
    });
    let loading = tokio::spawn({
        let app = app.clone();
        async move { app.load::<Account>(&id("1")).await.unwrap() }
    });
    settle().await;
    assert!(!withdrawal.is_finished() && !loading.is_finished());
    gate.open();
    deposit.await.unwrap();
    let error = withdrawal.await.unwrap().unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    assert_eq!(loading.await.unwrap().state.balance, 5);
}

#[tokio::test]
async fn what_was_decided_on_an_event_that_is_not_written_is_decided_again() {
    let (store, gate) = held(Fault::Held);
    let app = app_on(&store);
    let deposit = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap() }
    });
    gate.arrived(1).await;
    // By the state ahead there is enough; in the log there is nothing.
    let error = app.execute::<Account>(&id("1"), Command::Withdraw(5)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    gate.open();
    assert_eq!(deposit.await.unwrap().sequence.get(), 1);
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 5);
}

/// Broke when a chain of appends expected sequences only: another process's event took the place
/// of the first, the second found the sequence it expected and overdrew the account. Now it
/// expects the very event it was decided on.
#[tokio::test]
async fn an_event_of_another_process_in_the_place_of_an_expected_one_is_a_conflict() {
    let (store, gate) = held(Fault::Held);
    let here = app_on(&store);
    let elsewhere = app_on(&Arc::new(Arc::clone(&store)));
    let deposit = tokio::spawn({
        let here = here.clone();
        async move { here.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap() }
    });
    gate.arrived(1).await;
    elsewhere.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    let withdrawal = here.execute::<Account>(&id("1"), Command::Withdraw(5)).await;
    assert!(matches!(withdrawal, Err(ExecuteError::Rejected(InsufficientFunds))));
    gate.open();
    let deposit = deposit.await.unwrap();
    assert_eq!((deposit.sequence.get(), deposit.attempts), (2, 2));
    let history = elsewhere.history::<Account>(&id("1"), Sequence::ZERO, 10).await.unwrap();
    let events: Vec<_> = history.events.into_iter().map(|envelope| envelope.event).collect();
    assert_eq!(events, [Event::Deposited { amount: 1 }, Event::Deposited { amount: 5 }]);
}

#[tokio::test]
async fn a_caller_that_goes_away_holds_nobody_up() {
    let (store, gate) = held(Fault::Held);
    let app = app_on(&store);
    let deposit = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Deposit(5)).await }
    });
    gate.arrived(1).await;
    let withdrawal = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Withdraw(6)).await }
    });
    settle().await;
    assert!(!withdrawal.is_finished());
    deposit.abort();
    // The gate stays closed: the deposit is never made.
    assert!(matches!(withdrawal.await.unwrap(), Err(ExecuteError::Rejected(InsufficientFunds))));
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 0);
}

#[tokio::test]
async fn what_stands_in_the_log_needs_no_answer_to_be_believed() {
    let (store, gate) = held(Fault::AnswerHeld);
    let app = app_on(&store);
    let deposit = tokio::spawn({
        let app = app.clone();
        async move { app.execute::<Account>(&id("1"), Command::Deposit(5)).await }
    });
    gate.arrived(1).await;
    let error = app.execute::<Account>(&id("1"), Command::Withdraw(6)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    deposit.abort();
    assert!(deposit.await.unwrap_err().is_cancelled());
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 5);
}

#[tokio::test]
async fn a_state_of_a_log_that_was_restored_is_not_believed() {
    let store = Arc::new(Restorable::default());
    let app = app_on(&store);
    app.execute::<Account>(&id("1"), Command::Deposit(100)).await.unwrap();
    let other = Arc::new(MemoryStore::new());
    app_on(&other).execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    store.restore(other);
    // The sequence is the same as before, the history is not.
    let error = app.execute::<Account>(&id("1"), Command::Withdraw(100)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(InsufficientFunds)));
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 1);
    store.restore(Arc::new(MemoryStore::new()));
    assert!(!app.load::<Account>(&id("1")).await.unwrap().exists());
    assert_eq!(store.current().head().await.unwrap().get(), 0);
}

#[tokio::test]
async fn a_panic_while_applying_leaves_no_half_applied_state_behind() {
    let app = app();
    app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    for _ in 0..2 {
        let app = app.clone();
        let explode =
            tokio::spawn(async move { app.execute::<Account>(&id("1"), Command::Explode).await });
        assert!(explode.await.unwrap_err().is_panic());
    }
    // The first one had been written. Nothing goes on as if it had not, and others are unharmed.
    assert_eq!(app.store().head().await.unwrap().get(), 2);
    app.execute::<Account>(&id("2"), Command::Deposit(5)).await.unwrap();
}

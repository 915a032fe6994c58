//! Stores that fail at any call.

use std::sync::Arc;

use annals_core::{CommandId, EventStore, MemoryStore, Sequence, SnapshotStore};
use annals_runtime::{App, ExecuteError, Options};
use annals_testing::{Call, Fault, FaultyStore};

use crate::domain::{Account, Command, app_on, id};

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_resolved_inside() {
    for fault in [Fault::RequestCut, Fault::AnswerCut, Fault::Duplicated] {
        let what = format!("{fault:?}");
        let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, fault);
        let app = app_on(&Arc::new(store));
        let done = app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
        assert_eq!((done.sequence.get(), done.events.len()), (1, 1), "{what}");
        let loaded = app.load::<Account>(&id("1")).await.unwrap();
        assert_eq!((loaded.state.balance, loaded.sequence.get()), (5, 1), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_names_the_command_and_repeating_resolves_it() {
    let attempts = usize::try_from(Options::default().retry.attempts_max).unwrap();
    for first in [Fault::RequestCut, Fault::AnswerCut] {
        let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, first);
        for call in 2..=attempts {
            store.plan(Call::Append, call, Fault::RequestCut);
        }
        let store = Arc::new(store);
        let app = app_on(&store);
        let error = app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap_err();
        let ExecuteError::Unknown { command_id, .. } = error else { panic!("{error}") };
        assert_eq!(store.faults_left(), 0);
        let repeat = app.execute::<Account>(&id("1"), Command::Deposit(5)).command_id(command_id);
        assert_eq!(repeat.await.unwrap().sequence.get(), 1);
        assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 5);
    }
}

#[tokio::test]
async fn a_store_that_is_unavailable_or_closed_is_reported_as_that() {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::Unavailable).on(
        Call::Append,
        2,
        Fault::Closed,
    );
    let app = app_on(&Arc::new(store));
    let deposit = || app.execute::<Account>(&id("1"), Command::Deposit(5));
    assert!(matches!(deposit().await, Err(ExecuteError::Unavailable { .. })));
    assert!(matches!(deposit().await, Err(ExecuteError::Closed { .. })));
    assert_eq!(deposit().await.unwrap().sequence.get(), 1);
}

/// Whatever fails at whichever call: a client that repeats its commands by their ids gets each of
/// them done exactly once.
#[tokio::test(start_paused = true)]
async fn whichever_call_fails_repeating_gets_every_command_done_once() {
    let faults =
        [Fault::Unavailable, Fault::Closed, Fault::RequestCut, Fault::AnswerCut, Fault::Duplicated];
    for fault in faults {
        for call in 1.. {
            let store = FaultyStore::new(MemoryStore::new()).on(Call::Any, call, fault.clone());
            let store = Arc::new(store);
            client(&store).await;
            if store.faults_left() > 0 {
                assert!(call > 8, "the fault must have met every call, not just {call}");
                break;
            }
        }
    }
}

/// There is one fault only, so the second attempt must succeed.
async fn again<F: IntoFuture<Output = Result<T, E>>, T, E: std::fmt::Debug>(
    attempt: impl Fn() -> F,
) -> T {
    match attempt().await {
        Ok(done) => done,
        Err(_) => attempt().await.unwrap(),
    }
}

async fn client(store: &Arc<FaultyStore<MemoryStore>>) {
    let mut options = Options::default();
    options.snapshot_every = 2;
    let app = App::with_options(
        Arc::clone(store) as Arc<dyn EventStore>,
        Some(Arc::clone(store) as Arc<dyn SnapshotStore>),
        (),
        options,
    );
    let commands = [
        Command::Deposit(5),
        Command::Withdraw(2),
        Command::Empty,
        Command::Empty,
        Command::Deposit(1),
    ];
    for command in commands {
        let command_id = CommandId::new();
        let execute = || app.execute::<Account>(&id("1"), command.clone()).command_id(command_id);
        let first = again(execute).await;
        for _ in 0..2 {
            let repeat = again(execute).await;
            assert!(repeat.repeated);
            assert_eq!(repeat.events, first.events);
        }
    }
    // An application that knows nothing yet reads the same.
    let fresh = app_on(&Arc::new(Arc::clone(store)));
    let account = id("1");
    let loaded = again(|| fresh.load::<Account>(&account)).await;
    assert_eq!((loaded.state.balance, loaded.sequence), (1, Sequence::new(4).unwrap()));
}

#[tokio::test]
async fn failing_snapshots_cost_nothing_but_time() {
    let snapshots = Arc::new(
        FaultyStore::new(MemoryStore::new()).on(Call::SaveSnapshot, 1, Fault::Unavailable).on(
            Call::LoadSnapshot,
            1,
            Fault::Unavailable,
        ),
    );
    let store = Arc::new(MemoryStore::new());
    let mut options = Options::default();
    options.snapshot_every = 1;
    let app = App::with_options(store, Some(Arc::clone(&snapshots) as _), (), options);
    for amount in 1..=3 {
        app.execute::<Account>(&id("1"), Command::Deposit(amount)).await.unwrap();
    }
    assert_eq!(snapshots.faults_left(), 0);
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 6);
}

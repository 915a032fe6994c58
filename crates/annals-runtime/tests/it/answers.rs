//! Answers that must be true at some moment of the call, whatever was lost or late on the way.

use std::sync::Arc;

use annals_core::{CommandId, EventStore, MemoryStore, StreamId};
use annals_runtime::{App, ExecuteError, Executed};
use annals_testing::{Call, Fault, FaultyStore, Gate};

use crate::decisions::Register;
use crate::domain::{Account, Command, Event, app, app_on, id};

/// Two applications on one log, where the first append of the first is written and its answer is
/// still on its way; the second has since written a deposit of 1, and knows that it is written.
async fn overtaken() -> (App<()>, Gate) {
    let gate = Gate::new();
    let store =
        FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerHeld(gate.clone()));
    let store = Arc::new(store);
    let (here, elsewhere) = (app_on(&store), app_on(&Arc::new(Arc::clone(&store))));
    tokio::spawn({
        let here = here.clone();
        async move { here.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap() }
    });
    gate.arrived(1).await;
    elsewhere.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
    (here, gate)
}

/// Broke when the arrival of a lane's own last event was taken for proof that nothing had come
/// after it: the answer may be late. Now the log is asked.
#[tokio::test]
async fn a_load_has_what_another_application_was_told_is_written() {
    let (here, gate) = overtaken().await;
    let loading = tokio::spawn(async move { here.load::<Account>(&id("1")).await.unwrap() });
    tokio::task::yield_now().await;
    gate.open();
    let loaded = loading.await.unwrap();
    assert_eq!((loaded.state.balance, loaded.sequence.get()), (6, 2));
}

/// See [`a_load_has_what_another_application_was_told_is_written`].
#[tokio::test]
async fn a_rejection_knows_what_another_application_was_told_is_written() {
    let (here, gate) = overtaken().await;
    let withdrawal = tokio::spawn(async move {
        here.execute::<Account>(&id("1"), Command::Withdraw(6)).await.unwrap()
    });
    tokio::task::yield_now().await;
    gate.open();
    assert_eq!(withdrawal.await.unwrap().sequence.get(), 3);
}

async fn deposit_named(app: &App<()>, id_of_command: CommandId) -> Executed<Event> {
    let deposit = app.execute::<Account>(&id("1"), Command::Deposit(5));
    deposit.command_id(id_of_command).await.unwrap()
}

/// Broke when sending an append again after its answer was lost made the command a repeat of
/// itself: an import then counted what it had just written as written before.
#[tokio::test(start_paused = true)]
async fn what_was_written_although_the_answer_was_lost_is_no_repeat() {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerCut).on(
        Call::Append,
        3,
        Fault::AnswerCut,
    );
    let app = app_on(&Arc::new(store));
    let unnamed = app.execute::<Account>(&id("1"), Command::Deposit(5)).await.unwrap();
    assert_eq!((unnamed.repeated, unnamed.sequence.get()), (false, 1));
    let command_id = CommandId::new();
    let named = deposit_named(&app, command_id).await;
    assert_eq!((named.repeated, named.sequence.get(), named.attempts), (false, 2, 1));
    assert!(deposit_named(&app, command_id).await.repeated);
    // The state in memory went on with what was written.
    let next = app.execute::<Account>(&id("1"), Command::Withdraw(10)).await.unwrap();
    assert_eq!((next.sequence.get(), next.attempts), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_decision_written_although_the_answer_was_lost_is_no_repeat() {
    let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerCut);
    let app = app_on(&Arc::new(store));
    let command_id = CommandId::new();
    for is_repeat in [false, true] {
        let done = app.decide(Register::new("1", "ada")).command_id(command_id).await.unwrap();
        assert_eq!((done.repeated, done.position.get()), (is_repeat, 1));
        assert_eq!(done.events[0].0, StreamId::new("owner", "1").unwrap());
    }
}

/// Broke when reading back the outcome failed after the answer to the append was lost: the error
/// said that the state could not be loaded, by which nothing was written.
#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_read_back_is_unknown() {
    let store = || {
        let cut = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerCut);
        Arc::new(cut.on(Call::Read, 2, Fault::Unavailable))
    };
    let (of_command, of_decision, command_id) = (store(), store(), CommandId::new());
    let app = app_on(&of_command);
    let deposit = app.execute::<Account>(&id("1"), Command::Deposit(5)).command_id(command_id);
    let error = deposit.await.unwrap_err();
    assert!(matches!(error, ExecuteError::Unknown { command_id: id, .. } if id == command_id));
    assert_eq!(of_command.head().await.unwrap().get(), 1);
    let app = app_on(&of_decision);
    let error = app.decide(Register::new("1", "ada")).command_id(command_id).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Unknown { command_id: id, .. } if id == command_id));
    assert_eq!(of_decision.head().await.unwrap().get(), 1);
}

/// Broke when a repeated outcome without events had sequence 0 instead of the first one's.
#[tokio::test]
async fn a_repeat_without_events_has_the_sequence_of_the_first() {
    let app = app();
    for round in 0..10 {
        let command_id = CommandId::new();
        let empty = || app.execute::<Account>(&id("1"), Command::Empty).command_id(command_id);
        let first = empty().await.unwrap();
        assert_eq!((first.events.len(), first.sequence.get()), (0, 2 * round));
        app.execute::<Account>(&id("2"), Command::Deposit(1)).await.unwrap();
        app.execute::<Account>(&id("1"), Command::Deposit(1)).await.unwrap();
        let repeat = empty().await.unwrap();
        assert!(repeat.repeated);
        assert_eq!((repeat.sequence, repeat.position), (first.sequence, first.position));
        app.execute::<Account>(&id("1"), Command::Empty).await.unwrap();
    }
}

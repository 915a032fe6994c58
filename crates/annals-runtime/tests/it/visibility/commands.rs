//! Commands that wait for what came of them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{CommandId, EventStore, MemoryStore, Position};
use annals_runtime::{App, ExecuteError, Options, Visibility, WaitError};
use tokio::time::Instant;

use super::shown::Shown;
use crate::decisions::Register;
use crate::domain::{Account, Command, app_on, id};

struct World {
    store: Arc<MemoryStore>,
    shown: Arc<Shown>,
    app: App<()>,
}

async fn world() -> World {
    let store = Arc::new(MemoryStore::new());
    let shown = Shown::serving_of(store.log_id()).await;
    let app = app_on(&store).with_visibility(Visibility::new(shown.clone()));
    World { store, shown, app }
}

impl World {
    /// What another process does: it moves the read model to the end of the log, past events it
    /// does not want.
    async fn follow(&self, after: Duration) {
        self.store.wait_past(Position::ZERO).await.unwrap();
        tokio::time::sleep(after).await;
        self.shown.reach(self.store.head().await.unwrap().get()).await;
    }
}

#[tokio::test]
async fn every_answer_carries_a_token_of_its_log_and_position() {
    let World { store, app, .. } = world().await;
    let command_id = CommandId::new();
    for _ in 0..2 {
        let deposit = app.execute::<Account>(&id("1"), Command::Deposit(1)).command_id(command_id);
        let done = deposit.await.unwrap();
        assert_eq!(done.token.to_string(), format!("{}:1", store.log_id()));
    }
    let nothing = app.execute::<Account>(&id("2"), Command::Empty).await.unwrap();
    assert_eq!((nothing.token.log_id, nothing.token.position), (store.log_id(), nothing.position));
    let decided = app.decide(Register::new("1", "ada")).await.unwrap();
    assert_eq!((decided.token.log_id, decided.token.position), (store.log_id(), decided.position));
    assert_eq!(decided.position.get(), 2);
}

/// Waiting until an event shows would wait for ever for one that the projection ignores.
#[tokio::test(start_paused = true)]
async fn waiting_ends_also_if_the_projection_ignores_the_event() {
    let world = world().await;
    let begun = Instant::now();
    let (done, ()) = tokio::join!(
        world.app.execute::<Account>(&id("1"), Command::Deposit(1)).wait_for(Shown::NAME),
        world.follow(Duration::from_millis(5)),
    );
    assert_eq!(done.unwrap().position.get(), 1);
    assert!((5..=10).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    // Also without any event, and for decisions.
    let empty = world.app.execute::<Account>(&id("2"), Command::Empty).wait_for(Shown::NAME);
    empty.await.unwrap();
    let decision = world.app.decide(Register::new("1", "ada"));
    let (decided, ()) = tokio::join!(
        decision.wait_for(Shown::NAME).wait_for(Shown::NAME),
        world.follow(Duration::from_millis(5)),
    );
    assert_eq!(decided.unwrap().position.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_runner_is_an_error_in_bounded_time_and_the_command_is_durable() {
    let mut options = Options::default();
    options.visible_within = Duration::from_millis(300);
    let store = Arc::new(MemoryStore::new());
    let shown = Shown::serving_of(store.log_id()).await;
    let app = App::with_options(store.clone(), None, (), options)
        .with_visibility(Visibility::new(shown.clone()));
    let begun = Instant::now();
    let error = app
        .execute::<Account>(&id("1"), Command::Deposit(5))
        .wait_for(Shown::NAME)
        .wait_for("another")
        .await
        .unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
    let ExecuteError::NotVisible { command_id, token, ref source } = error else {
        panic!("{error}")
    };
    assert_eq!(token.position.get(), 1);
    assert_eq!(
        error.to_string(),
        format!("command {command_id} is executed and durable, but not visible yet")
    );
    assert_eq!(error.source().unwrap().to_string(), source.to_string());
    assert_eq!(source.to_string(), "shown has reached position 0, 1 was asked for");
    assert_eq!(store.head().await.unwrap().get(), 1);
    // Repeated with its id, it has no second effect, and is answered once the read model is there.
    shown.reach(1).await;
    let again = app.execute::<Account>(&id("1"), Command::Deposit(5)).command_id(command_id);
    assert!(again.wait_for(Shown::NAME).await.unwrap().repeated);
    assert_eq!(app.load::<Account>(&id("1")).await.unwrap().state.balance, 5);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_waited_for_is_not_executed() {
    let store = Arc::new(MemoryStore::new());
    let app = app_on(&store);
    let deposit = app.execute::<Account>(&id("1"), Command::Deposit(1)).wait_for("shown");
    let error = deposit.await.unwrap_err();
    assert_eq!(error.to_string(), "the application has no read models in which to wait for shown");
    let error = app.decide(Register::new("1", "ada")).wait_for("shown").await.unwrap_err();
    assert!(matches!(error, ExecuteError::NoReadModels { .. }), "{error}");
    assert_eq!(store.head().await.unwrap(), Position::ZERO);
}

#[tokio::test(start_paused = true)]
async fn read_models_of_another_log_are_not_waited_for() {
    let store = Arc::new(MemoryStore::new());
    let shown = Shown::serving().await;
    shown.reach(100).await;
    let app = app_on(&store).with_visibility(Visibility::new(shown));
    let deposit = app.execute::<Account>(&id("1"), Command::Deposit(1)).wait_for(Shown::NAME);
    let error = deposit.await.unwrap_err();
    let ExecuteError::NotVisible { source: WaitError::OtherLog { .. }, .. } = error else {
        panic!("{error}")
    };
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_holds_nobody_up() {
    let world = world().await;
    let account = id("1");
    let waiting = world.app.execute::<Account>(&account, Command::Deposit(1)).wait_for(Shown::NAME);
    let others = async {
        world.store.wait_past(Position::ZERO).await.unwrap();
        let begun = Instant::now();
        for _ in 0..10 {
            world.app.execute::<Account>(&account, Command::Deposit(1)).await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        world.shown.reach(11).await;
    };
    let (waited, ()) = tokio::join!(waiting, others);
    assert_eq!(waited.unwrap().position.get(), 1);
}

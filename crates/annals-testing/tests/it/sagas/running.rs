//! Sagas run to their end, without waiting for any time to pass.

use std::sync::Arc;

use annals_core::{Clock, MemoryStore, SagaState};
use annals_runtime::{App, SagaDriver};
use annals_testing::{ManualClock, SagaRun, run_saga};
use chrono::TimeDelta;

use super::domain::{Gift, GiftEvent, Giving, Purse, PurseCommand};

struct World {
    app: App<()>,
    clock: Arc<ManualClock>,
}

impl World {
    async fn promised(id: &str, from: &str, to: &str, amount: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        let app = App::new(Arc::new(MemoryStore::with_clock(clock.clone())), ());
        let world = Self { app, clock };
        world.promise(id, from, to, amount).await;
        world
    }

    async fn promise(&self, id: &str, from: &str, to: &str, amount: u64) {
        let (from, to) = (from.to_owned(), to.to_owned());
        let promised = GiftEvent::Promised { from, to, amount };
        self.app.execute::<Gift>(&id.to_owned(), promised).await.unwrap();
    }

    async fn purse(&self, id: &str, command: PurseCommand) {
        self.app.execute::<Purse>(&id.to_owned(), command).await.unwrap();
    }

    async fn run(&self) -> SagaRun {
        run_saga::<Giving, _>(&self.app, &self.clock).await
    }

    async fn amount(&self, id: &str) -> u64 {
        self.app.load::<Purse>(&id.to_owned()).await.unwrap().state.amount
    }

    async fn state(&self, id: &str) -> SagaState {
        let driver = SagaDriver::<Giving, _>::new(self.app.clone(), self.clock.clone());
        driver.load(id).await.unwrap().state.state()
    }
}

#[tokio::test]
async fn saga_runs_until_nothing_is_left_to_do() {
    let world = World::promised("g", "ann", "bob", 5).await;
    world.purse("ann", PurseCommand::PutIn(7)).await;
    let run = world.run().await;
    assert_eq!(
        (run.instances, run.actions, run.skipped),
        (vec!["g".to_owned()], 3, TimeDelta::zero())
    );
    assert_eq!(world.state("g").await, SagaState::Completed);
    assert_eq!((world.amount("ann").await, world.amount("bob").await), (2, 5));
}

#[tokio::test]
async fn running_again_repeats_nothing_and_does_what_is_new() {
    let world = World::promised("g", "ann", "bob", 5).await;
    world.purse("ann", PurseCommand::PutIn(20)).await;
    world.run().await;
    world.run().await;
    assert_eq!(world.amount("bob").await, 5);
    world.promise("h", "ann", "bob", 5).await;
    assert_eq!(world.run().await.instances, ["g", "h"]);
    assert_eq!(world.amount("bob").await, 10);
}

#[tokio::test]
async fn rejected_saga_is_compensated() {
    let world = World::promised("g", "ann", "bob", 5).await;
    world.purse("ann", PurseCommand::PutIn(5)).await;
    world.purse("bob", PurseCommand::Shut).await;
    world.run().await;
    assert_eq!((world.state("g").await, world.amount("ann").await), (SagaState::Failed, 5));
}

#[tokio::test]
async fn time_is_skipped_to_the_timers_and_not_beyond() {
    let world = World::promised("g", "nowhere", "bob", 5).await;
    let began_at = world.clock.now();
    let run = world.run().await;
    // Taking from nowhere is parked; a day later the saga gives up, and calls it off.
    assert_eq!(run.skipped, TimeDelta::days(1));
    assert_eq!(world.clock.now(), began_at + TimeDelta::days(1));
    assert_eq!(world.state("g").await, SagaState::Failed);
}

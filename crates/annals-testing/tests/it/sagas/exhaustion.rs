//! Every order of what may happen is tried, and carelessness is found.

use std::sync::Arc;

use annals_core::{BoxFuture, EventStore, MemoryStore, SagaState};
use annals_runtime::{App, Options};
use annals_testing::sabotage::{SabotagedSagas, SagaSabotage};
use annals_testing::{Counterexample, Exhaustion, Explored, ManualClock, SagaScenario, SagaWorld};

use super::domain::{Gift, GiftEvent, Giving, Purse, PurseCommand};

/// A gift of 5 from a purse with so much in it.
struct Scenario {
    amount: u64,
    interventions: Vec<(&'static str, PurseCommand)>,
    clock: Arc<ManualClock>,
    store: Arc<dyn EventStore>,
}

type World = SagaWorld<Giving, ()>;

impl Scenario {
    fn new(amount: u64, sabotage: SagaSabotage) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::with_clock(clock.clone()));
        let store = Arc::new(SabotagedSagas::new(store, sabotage));
        Self { amount, interventions: Vec::new(), clock, store }
    }

    fn with(mut self, name: &'static str, command: PurseCommand) -> Self {
        self.interventions.push((name, command));
        self
    }

    /// How much is put in meanwhile.
    fn added(&self) -> u64 {
        let added = self.interventions.iter().map(|(_, command)| match command {
            PurseCommand::PutIn(amount) => *amount,
            _ => 0,
        });
        added.sum()
    }

    async fn amount(&self, name: &str, world: &World) -> u64 {
        world.app().load::<Purse>(&own(name, world.run())).await.unwrap().state.amount
    }

    async fn amounts(&self, world: &World) -> (u64, u64) {
        (self.amount("ann", world).await, self.amount("bob", world).await)
    }
}

fn own(name: &str, run: u64) -> String {
    format!("{name}-{run}.")
}

impl SagaScenario for Scenario {
    type Saga = Giving;
    type Services = ();

    fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    fn app(&self) -> App<()> {
        let mut options = Options::default();
        options.cached_states_max = 8;
        App::with_options(self.store.clone(), None, (), options)
    }

    fn names(&self, run: u64) -> Vec<String> {
        ["ann", "bob", "gift"].map(|name| own(name, run)).to_vec()
    }

    fn begin<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let [ann, bob, gift] = ["ann", "bob", "gift"].map(|name| own(name, world.run()));
            let app = world.app();
            app.execute::<Purse>(&ann, PurseCommand::PutIn(self.amount)).await.unwrap();
            let promised = GiftEvent::Promised { from: ann, to: bob, amount: 5 };
            app.execute::<Gift>(&gift, promised).await.unwrap();
            Ok(())
        })
    }

    fn interventions(&self) -> usize {
        self.interventions.len()
    }

    fn intervene<'a>(
        &'a self,
        number: usize,
        world: &'a World,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let (name, command) = self.interventions[number].clone();
            world.app().execute::<Purse>(&own(name, world.run()), command).await.unwrap();
            Ok(())
        })
    }

    /// Nothing is doubled.
    fn check<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let (ann, bob) = self.amounts(world).await;
            let is_kept = ann + bob <= self.amount + self.added() && bob <= 5;
            if is_kept { Ok(()) } else { Err(format!("ann has {ann}, bob has {bob}")) }
        })
    }

    /// Nothing is lost, and what came of it is what the saga says.
    fn check_end<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let (ann, bob) = self.amounts(world).await;
            let instance = world.driver().load(&own("gift", world.run())).await.unwrap().state;
            let given = match instance.state() {
                SagaState::Completed => 5,
                SagaState::Failed => 0,
                // Bob's is shut, and what was given too late cannot be taken back.
                SagaState::Compensating if instance.is_parked() => 5,
                other => return Err(format!("it ends {other:?}")),
            };
            let is_all = [self.amount, self.amount + self.added()].contains(&(ann + bob));
            if is_all && bob == given {
                Ok(())
            } else {
                Err(format!("{:?}, and ann has {ann}, bob has {bob}", instance.state()))
            }
        })
    }
}

async fn explore(scenario: Scenario, disturbances_max: usize) -> Result<Explored, Counterexample> {
    let limits = Exhaustion::default().disturbances_max(disturbances_max);
    limits.explore(&scenario).await.map_err(|found| *found)
}

#[tokio::test]
async fn careful_sagas_pass_every_order() {
    let enough = Scenario::new(7, SagaSabotage::None);
    let explored = explore(enough, 2).await.unwrap();
    assert!(explored.is_complete && explored.ends > 10, "{explored:?}");
}

#[tokio::test]
async fn careful_sagas_pass_every_order_of_what_others_do() {
    let too_little = Scenario::new(3, SagaSabotage::None).with("ann", PurseCommand::PutIn(10));
    let explored = explore(too_little, 1).await.unwrap();
    assert!(explored.is_complete && explored.ends > 10, "{explored:?}");
    let shut = Scenario::new(7, SagaSabotage::None).with("bob", PurseCommand::Shut);
    let explored = explore(shut, 1).await.unwrap();
    assert!(explored.is_complete && explored.ends > 10, "{explored:?}");
}

async fn found(scenario: Scenario, disturbances_max: usize) -> String {
    let found = explore(scenario, disturbances_max).await;
    found.expect_err("it must be found").to_string()
}

#[tokio::test]
async fn input_that_is_taken_twice_is_found() {
    let found = found(Scenario::new(7, SagaSabotage::InputIsTakenUnnamed), 1).await;
    assert!(found.contains("again\nthen: saga.event_taken"), "{found}");
}

#[tokio::test]
async fn step_that_takes_effect_twice_is_found() {
    let found = found(Scenario::new(70, SagaSabotage::StepIsDispatchedUnnamed), 1).await;
    assert!(found.contains("ann has 60"), "{found}");
}

#[tokio::test]
async fn step_that_takes_effect_after_its_rejection_is_found() {
    let scenario = Scenario::new(3, SagaSabotage::RejectionIsRecordedUnnamed);
    let found = found(scenario.with("ann", PurseCommand::PutIn(10)), 1).await;
    assert!(found.contains("late") && found.contains("then: Failed"), "{found}");
}

#[tokio::test]
async fn step_that_takes_effect_after_it_was_called_off_is_found() {
    let found = found(Scenario::new(7, SagaSabotage::CancellationIsRecordedUnnamed), 1).await;
    assert!(found.contains("call off step"), "{found}");
}

#[tokio::test]
async fn limits_are_told() {
    let mut limits = Exhaustion::default().schedules_max(5);
    let scenario = Scenario::new(7, SagaSabotage::None);
    let explored = limits.explore(&scenario).await.unwrap();
    assert!(!explored.is_complete && explored.schedules == 5, "{explored:?}");
    limits = Exhaustion::default().actions_max(3).disturbances_max(0);
    let explored = limits.explore(&scenario).await.unwrap();
    assert!(!explored.is_complete && explored.longest == 3, "{explored:?}");
}

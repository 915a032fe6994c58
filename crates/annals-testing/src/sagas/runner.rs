//! A runner of sagas that skips time.

use std::collections::BTreeSet;
use std::sync::Arc;

use annals_core::{Clock, Correlation, OpenStep, Position, Saga, SagaOrigin};
use annals_runtime::{App, DispatchCommand, SagaDriver, StepOutcome};
use chrono::{DateTime, TimeDelta, Utc};

use super::history;
use crate::clock::ManualClock;

/// After so many actions a saga is taken for one that never comes to rest.
const ACTIONS_MAX: usize = 10_000;

/// How often a step is tried that cannot be done, before it is parked.
const ATTEMPTS_MAX: u32 = 3;

/// What was done until all instances were at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SagaRun {
    /// The instances, by id.
    pub instances: Vec<String>,
    /// How often something was taken, dispatched, called off or fired.
    pub actions: usize,
    /// How far the clock was moved.
    pub skipped: TimeDelta,
}

/// Runs a saga on what is in the log until nothing is left to do: takes its inputs, does its steps,
/// and moves the clock to the next timer that is due whenever there is nothing else. What remains
/// waits for an operator, or for an event.
///
/// Whatever was done already is not done again, so that it can be called as often as something new
/// has happened.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use annals_core::{MemoryStore, Saga, SagaState};
/// # use annals_runtime::{App, DispatchCommand, SagaDriver};
/// # use annals_testing::{ManualClock, run_saga};
/// # async fn example<G>(order: Order) where
/// #     G: Saga, G::Command: DispatchCommand<Services = (), Rejection = G::Rejection>
/// # {
/// # type Order = ();
/// let clock = Arc::new(ManualClock::default());
/// let app = App::new(Arc::new(MemoryStore::with_clock(clock.clone())), ());
/// // app.execute::<Order>(...)
/// run_saga::<G, _>(&app, &clock).await;
/// let instance = SagaDriver::<G, _>::new(app, clock).load("order-1").await.unwrap();
/// assert_eq!(instance.state.state(), SagaState::Completed);
/// # }
/// # type Order = ();
/// ```
///
/// # Panics
///
/// If the store fails, or the saga does not come to rest within 10,000 actions.
pub async fn run_saga<G, S>(app: &App<S>, clock: &Arc<ManualClock>) -> SagaRun
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    let driver = SagaDriver::<G, S>::new(app.clone(), clock.clone());
    let mut runner =
        Runner { driver, known: Position::ZERO, instances: BTreeSet::new(), actions: 0 };
    let began_at = clock.now();
    loop {
        runner.take_inputs(app).await;
        if runner.do_steps().await {
            continue;
        }
        let Some(due_at) = runner.due_at().await else { break };
        clock.set(clock.now().max(due_at));
        runner.tick().await;
    }
    let Runner { instances, actions, .. } = runner;
    let skipped = clock.now() - began_at;
    SagaRun { instances: instances.into_iter().collect(), actions, skipped }
}

struct Runner<G: Saga, S> {
    driver: SagaDriver<G, S>,
    known: Position,
    instances: BTreeSet<String>,
    actions: usize,
}

impl<G, S> Runner<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    fn count(&mut self) {
        self.actions += 1;
        assert!(self.actions <= ACTIONS_MAX, "{} does not come to rest", G::TYPE);
    }

    async fn take_inputs(&mut self, app: &App<S>) {
        let events = history::events_after(&**app.store(), self.known).await;
        let events = events.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
        self.known = events.last().map_or(self.known, |last| last.position);
        for event in history::inputs::<G>(&events).unwrap_or_else(|error| panic!("{error}")) {
            self.count();
            let taken = self.driver.take(&event).await;
            taken.unwrap_or_else(|error| panic!("{} was not taken: {error}", event.position));
            match G::correlate(&event) {
                Correlation::Begins(id) | Correlation::Concerns(id) => self.instances.insert(id),
                Correlation::Nobody => false,
            };
        }
    }

    /// Does each step that is open once. Says whether there was any.
    async fn do_steps(&mut self) -> bool {
        let mut is_busy = false;
        for id in self.instances.clone() {
            let instance = self.load(&id).await;
            let Some(origin) = instance.origin().cloned() else { continue };
            let steps: Vec<_> = instance.open_steps().cloned().collect();
            for step in steps.into_iter().filter(|step| step.parked.is_none()) {
                if instance.state().is_ended() {
                    continue;
                }
                is_busy = true;
                self.count();
                if instance.is_to_be_cancelled(&step) {
                    let cancelled = self.driver.cancel(&id, &origin, &step).await;
                    cancelled.unwrap_or_else(|error| panic!("{id} cannot be recorded: {error}"));
                } else {
                    self.do_step(&id, &origin, &step).await;
                }
            }
        }
        is_busy
    }

    async fn do_step(&self, id: &str, origin: &SagaOrigin, step: &OpenStep<G::Command>) {
        let mut attempts = 1;
        let recorded = loop {
            match self.driver.dispatch(id, origin, step).await {
                StepOutcome::Failed(error) if attempts == ATTEMPTS_MAX => {
                    let error = error.to_string();
                    break self.driver.park(id, origin, step, attempts, error).await;
                }
                StepOutcome::Failed(_) => attempts += 1,
                outcome => break self.driver.record(id, origin, step, attempts, outcome).await,
            }
        };
        recorded.unwrap_or_else(|error| panic!("{id} cannot be recorded: {error}"));
    }

    /// When the next timer is due, or the next step overdue.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        let mut due_at = None;
        for id in &self.instances {
            let instance = self.load(id).await;
            if !instance.state().is_ended() {
                let timers = instance.timers().map(|timer| timer.due_at);
                let steps = instance.open_steps().filter_map(|step| step.overdue_at);
                due_at = timers.chain(steps).chain(due_at).min();
            }
        }
        due_at
    }

    async fn tick(&mut self) {
        for id in self.instances.clone() {
            let instance = self.load(&id).await;
            if let Some(origin) = instance.origin() {
                self.count();
                let ticked = self.driver.tick(&id, origin).await;
                ticked.unwrap_or_else(|error| panic!("{id} cannot be recorded: {error}"));
            }
        }
    }

    async fn load(&self, id: &str) -> annals_core::SagaInstance<G> {
        let loaded = self.driver.load(id).await;
        loaded.unwrap_or_else(|error| panic!("{id} cannot be loaded: {error}")).state
    }
}

//! What is explored.

use std::fmt;
use std::sync::Arc;

use annals_core::{BoxFuture, Saga};
use annals_runtime::{App, SagaDriver};

use crate::clock::ManualClock;

/// What is explored: how it begins, what others do meanwhile, and what must be true at all times.
///
/// All schedules run one after the other on one store. So everything in one must have names of its
/// own, made from [`SagaWorld::run`] and listed by [`names`](SagaScenario::names), and the services
/// must not draw anything at random.
pub trait SagaScenario {
    /// The saga.
    type Saga: Saga;
    /// The application's services.
    type Services: Send + Sync + 'static;

    /// The clock: of the sagas, and of whatever else tells the time. It begins anew with each
    /// schedule.
    fn clock(&self) -> &Arc<ManualClock>;

    /// An application that has nothing in memory, on the one store. Called at the beginning of a
    /// schedule and after each crash; room for a few states in its cache makes that quick.
    fn app(&self) -> App<Self::Services>;

    /// The names that differ from schedule to schedule, ids of aggregates most of all. None may be
    /// part of another, nor of whatever else is written.
    fn names(&self, run: u64) -> Vec<String>;

    /// Does what starts the saga.
    fn begin<'a>(&'a self, world: &'a World<Self>) -> BoxFuture<'a, Result<(), String>>;

    /// How many things others do meanwhile: each at any time, but in their order, or not at all.
    fn interventions(&self) -> usize {
        0
    }

    /// Does one of them, counted from 0.
    fn intervene<'a>(
        &'a self,
        number: usize,
        world: &'a World<Self>,
    ) -> BoxFuture<'a, Result<(), String>> {
        let _ = (number, world);
        Box::pin(async { Ok(()) })
    }

    /// What must be true after every action.
    fn check<'a>(&'a self, world: &'a World<Self>) -> BoxFuture<'a, Result<(), String>>;

    /// What must be true when nothing is left to be done.
    fn check_end<'a>(&'a self, world: &'a World<Self>) -> BoxFuture<'a, Result<(), String>>;
}

type World<C> = SagaWorld<<C as SagaScenario>::Saga, <C as SagaScenario>::Services>;

/// What a schedule runs in.
pub struct SagaWorld<G: Saga, S> {
    pub(super) app: App<S>,
    pub(super) driver: SagaDriver<G, S>,
    pub(super) run: u64,
}

impl<G: Saga, S: Send + Sync + 'static> SagaWorld<G, S> {
    pub(super) fn new(app: App<S>, clock: Arc<ManualClock>, run: u64) -> Self {
        Self { driver: SagaDriver::new(app.clone(), clock), app, run }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &App<S> {
        &self.app
    }

    /// The saga's actions; [`SagaDriver::load`] gives an instance.
    #[must_use]
    pub fn driver(&self) -> &SagaDriver<G, S> {
        &self.driver
    }

    /// Names the schedule: a number from which all names in it are made.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }
}

impl<G: Saga, S> fmt::Debug for SagaWorld<G, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SagaWorld").field("run", &self.run).finish_non_exhaustive()
    }
}

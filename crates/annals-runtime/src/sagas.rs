//! Running sagas, and looking at them.

mod crew;
mod cursor;
mod detail;
mod dispatch;
mod driver;
mod error;
mod index;
mod intake;
mod list;
mod look;
mod operate;
mod options;
mod order;
mod runner;
mod telemetry;
mod timer_list;
mod timers;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use annals_core::{
    Clock, DocumentProjection, DocumentReader, Hosts, ReadModels, Saga, SystemClock,
};

pub use cursor::SagaCursor;
pub use detail::{SagaDetail, SagaEntry, WaitingStep};
pub use dispatch::{DispatchCommand, DispatchError, Dispatcher};
pub use driver::{RecordOutcome, Recorded, SagaDriver, StepOutcome};
pub use error::SagasError;
pub use index::{DoneStepSummary, OpenStepSummary, SagaIndex, SagaSummary, TimerSummary};
pub use intake::SagaInputs;
pub use list::{SagaList, SagaPage};
pub use options::SagaOptions;
pub use order::{SagaOrder, SagaOrdered};
pub use timer_list::{SagaTimer, TimerList, TimerPage, TimerState};

use self::crew::Crew;
use self::intake::Intake;
use self::look::Lookout;
use self::operate::Operates;
use self::runner::{Looks, Runner};
use crate::app::App;
use crate::projections::{ProjectionStopped, Projections};

/// The sagas of an application: takes their inputs, does their steps, fires their timers, and tells
/// how their instances are getting on.
///
/// It runs the application's projections too, because sagas are built on them: one, named as the
/// saga, takes its inputs; another, `sagas`, lists the instances of all of them. So leases,
/// take-over, dead letters, status and rebuilds are those of projections, and rebuilding either
/// dispatches nothing: what was taken is not taken again, and the list has no hands.
///
/// Any number of processes may run the same sagas. Each looks after the instances of its partitions
/// of the list; who is late, paused or killed does no harm, because every step has a command id of
/// its own that only one outcome can use up.
///
/// A process that does not run them can still ask and order: what it orders is done by those that
/// do.
pub struct Sagas<S, D> {
    app: App<S>,
    projections: Projections<D>,
    clock: Arc<dyn Clock>,
    options: SagaOptions,
    sagas: Vec<Arc<dyn Enrol<S, D>>>,
    operators: HashMap<&'static str, Arc<dyn Operates>>,
}

/// A saga that takes part, before it is known by which clock and bounds.
trait Enrol<S, D>: Send + Sync {
    /// Has its inputs taken, and gives what looks after its instances.
    fn enrol(
        &self,
        sagas: &Sagas<S, D>,
        crew: &Arc<Crew>,
        projections: Projections<D>,
    ) -> (Projections<D>, Arc<dyn Looks>);

    /// What carries out orders for its instances.
    fn operator(&self, sagas: &Sagas<S, D>) -> Arc<dyn Operates>;
}

struct Enrolled<G>(std::marker::PhantomData<fn() -> G>);

impl<G, S, D> Enrol<S, D> for Enrolled<G>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
    D: Hosts<DocumentProjection<SagaInputs<G>>>,
{
    fn enrol(
        &self,
        sagas: &Sagas<S, D>,
        crew: &Arc<Crew>,
        projections: Projections<D>,
    ) -> (Projections<D>, Arc<dyn Looks>) {
        let driver = SagaDriver::<G, S>::new(sagas.app.clone(), sagas.clock.clone());
        let runner = Arc::new(Runner { driver, crew: crew.clone() });
        let inputs = DocumentProjection(SagaInputs::<G>::new());
        let intake = Arc::new(Intake { runner: runner.clone() });
        (projections.with_beside(inputs, intake), runner)
    }

    fn operator(&self, sagas: &Sagas<S, D>) -> Arc<dyn Operates> {
        Arc::new(SagaDriver::<G, S>::new(sagas.app.clone(), sagas.clock.clone()))
    }
}

impl<S, D> Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    /// Sagas that dispatch to `app`, none yet, beside `projections` of the same log.
    pub fn new(app: App<S>, projections: Projections<D>) -> Self {
        Self {
            app,
            projections,
            clock: Arc::new(SystemClock),
            options: SagaOptions::default(),
            sagas: Vec::new(),
            operators: HashMap::new(),
        }
    }

    /// Adds a saga. It takes the events of the whole log, from the first one.
    ///
    /// # Panics
    ///
    /// If a saga of this type, or a projection of this name, was added before.
    #[must_use]
    pub fn with<G: Saga>(mut self) -> Self
    where
        G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
        D: Hosts<DocumentProjection<SagaInputs<G>>>,
    {
        let enrolled = Enrolled::<G>(std::marker::PhantomData);
        let operator = enrolled.operator(&self);
        let before = self.operators.insert(G::TYPE, operator);
        assert!(before.is_none(), "saga {} was added twice", G::TYPE);
        self.sagas.push(Arc::new(enrolled));
        self
    }

    /// Bounds of its own.
    #[must_use]
    pub fn options(self, options: SagaOptions) -> Self {
        Self { options, ..self }
    }

    /// Tells by `clock` when timers are due, instead of by that of the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        let operators = self.sagas.iter().map(|saga| saga.operator(&self));
        self.operators = operators.map(|operator| (operator.saga(), operator)).collect();
        self
    }

    /// All projections: the application's, and those that sagas are built on. To ask, to rebuild;
    /// running them takes no inputs of sagas, which [`Sagas::run`] does.
    #[must_use]
    pub fn projections(&self) -> Projections<D> {
        self.assemble().0
    }

    /// Runs projections and sagas until `shutdown` is ready; transactions and steps under way are
    /// finished first, the latter within [`SagaOptions::grace`].
    ///
    /// # Errors
    ///
    /// [`ProjectionStopped`], at the end, if a generation could not go on; the others did.
    ///
    /// # Cancellation
    ///
    /// Dropped, it ends at once. What was under way is taken up again by whoever runs the sagas
    /// next, and takes effect once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ProjectionStopped> {
        let (projections, lookout) = self.assemble();
        let crew = lookout.crew.clone();
        crew.open();
        let closing = async {
            shutdown.await;
            crew.close(self.options.grace).await;
        };
        let (stopped, ()) = tokio::join!(projections.run(closing), lookout.run());
        stopped
    }

    fn assemble(&self) -> (Projections<D>, Arc<Lookout>) {
        let crew = Arc::new(Crew::new(self.options));
        let mut projections = self.projections.clone();
        let mut runners = HashMap::new();
        for saga in &self.sagas {
            let (with, runner) = saga.enrol(self, &crew, projections);
            projections = with;
            runners.insert(runner.saga(), runner);
        }
        let reader: Arc<dyn DocumentReader> = projections.models().clone();
        let lookout = Arc::new(Lookout { crew, reader, clock: self.clock.clone(), runners });
        let index = DocumentProjection(SagaIndex);
        (projections.with_beside(index, lookout.clone()), lookout)
    }
}

impl<S, D> Clone for Sagas<S, D> {
    fn clone(&self) -> Self {
        Self {
            app: self.app.clone(),
            projections: self.projections.clone(),
            clock: self.clock.clone(),
            options: self.options,
            sagas: self.sagas.clone(),
            operators: self.operators.clone(),
        }
    }
}

impl<S, D: fmt::Debug> fmt::Debug for Sagas<S, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sagas")
            .field("sagas", &self.operators.keys())
            .field("projections", &self.projections)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

//! A log, a read database, and processes that run sagas on them.

use std::sync::Arc;
use std::time::Duration;

use annals_core::{Clock, EventStore, MemoryStore, SagaState};
use annals_runtime::{
    App, Projections, Retry, SagaDriver, SagaList, SagaOptions, SagaSummary, Sagas, SagasError,
};
use annals_testing::{ManualClock, MemoryReadModels};
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::payment::{Order, OrderEvent, Payment, Services, Wallet, WalletCommand, World};

pub(super) type TestSagas = Sagas<Services, MemoryReadModels>;

/// The clock of the read database, which goes as tokio's does.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl RuntimeClock {
    fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.0.elapsed()
    }
}

/// What outlives processes.
pub(super) struct House {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) models: Arc<MemoryReadModels>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) world: Services,
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            models: Arc::new(MemoryReadModels::with_clock(Arc::new(RuntimeClock::new()))),
            clock: Arc::default(),
            world: Arc::new(World::default()),
        }
    }

    /// An application with nothing in memory, as a process that has just started.
    pub(super) fn app(&self) -> App<Services> {
        App::new(self.store.clone(), self.world.clone())
    }

    pub(super) fn driver(&self) -> SagaDriver<Payment, Services> {
        SagaDriver::new(self.app(), self.clock.clone())
    }

    pub(super) fn sagas(&self) -> TestSagas {
        let projections = Projections::new(self.store.clone(), self.models.clone());
        let mut options = SagaOptions::default();
        options.retry = Retry {
            attempts_max: 3,
            pause_first: Duration::from_millis(1),
            pause_max: Duration::from_millis(5),
        };
        options.look_every = Duration::from_millis(20);
        Sagas::new(self.app(), projections)
            .with::<Payment>()
            .options(options)
            .clock(self.clock.clone())
    }

    pub(super) fn start(&self) -> Process {
        Process::start(self.sagas())
    }

    pub(super) async fn fill(&self, wallet: &str, amount: i64) {
        let put = WalletCommand::Put(amount);
        self.app().execute::<Wallet>(&wallet.to_owned(), put).await.unwrap();
    }

    pub(super) async fn tell(&self, wallet: &str, command: WalletCommand) {
        self.app().execute::<Wallet>(&wallet.to_owned(), command).await.unwrap();
    }

    pub(super) async fn amount(&self, wallet: &str) -> i64 {
        self.app().load::<Wallet>(&wallet.to_owned()).await.unwrap().state.amount
    }

    pub(super) async fn order(&self, id: &str, from: &str, to: &str, amount: i64) {
        let (from, to) = (from.to_owned(), to.to_owned());
        let order = OrderEvent::PaymentOrdered { from, to, amount };
        self.app().execute::<Order>(&id.to_owned(), order).await.unwrap();
    }

    pub(super) async fn stop_order(&self, id: &str) {
        let stop = OrderEvent::PaymentStopped;
        self.app().execute::<Order>(&id.to_owned(), stop).await.unwrap();
    }
}

/// A process that runs the sagas.
pub(super) struct Process {
    pub(super) sagas: TestSagas,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Process {
    pub(super) fn start(sagas: TestSagas) -> Self {
        let (stop, stopped) = oneshot::channel();
        let running = sagas.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            running.run(shutdown).await.unwrap();
        });
        Self { sagas, stop, task }
    }

    /// Ends it in good order.
    pub(super) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }

    /// Ends it in the middle of whatever it is doing.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The instance, once it is listed in this state (or as `parked`).
    pub(super) async fn listed(&self, id: &str, state: &str) -> SagaSummary {
        self.found(id, |summary| summary.listed_state() == state).await
    }

    /// The instance, once it is listed as `is_so`.
    pub(super) async fn found(
        &self,
        id: &str,
        is_so: impl Fn(&SagaSummary) -> bool,
    ) -> SagaSummary {
        // The tests' time stands still while there is anything to do.
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let listed = async {
            loop {
                looks.tick().await;
                if let Some(found) = self.find(id).await
                    && is_so(&found)
                {
                    return found;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), listed).await {
            Ok(found) => found,
            Err(_) => panic!("{id} is not so, but {:?}", self.find(id).await),
        }
    }

    async fn find(&self, id: &str) -> Option<SagaSummary> {
        let list = SagaList { limit: 1_000, ..SagaList::default() };
        match self.sagas.list(&list).await {
            Ok(page) => page.instances.into_iter().find(|summary| summary.id == id),
            // Still being built.
            Err(SagasError::List(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(super) async fn ended(&self, id: &str, state: SagaState) -> SagaSummary {
        self.listed(id, state.as_str()).await
    }
}

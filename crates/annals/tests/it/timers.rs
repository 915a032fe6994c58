//! Timers of sagas fire once and when they are due, whoever set them.

mod alarm;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::sqlite::{SqliteReadModels, SqliteStore};
use annals::{
    App, DocumentProjection, DocumentReader, Hosts, Position, ProjectionOptions, Projections, Read,
    ReadModels, SagaIndex, SagaInputs, SagaList, SagaOptions, Sagas, SagasError,
};
use annals_testing::ManualClock;
use chrono::TimeDelta;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::postgres::{Database, world_at};
use crate::world::{LEASE, World};
use alarm::{Alarm, AlarmEvent, Waiting};

/// As many that both of two processes have some to look after.
const ALARMS: usize = 30;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A read database on which the saga can be run.
trait SagaDatabase:
    ReadModels
    + DocumentReader
    + Hosts<DocumentProjection<SagaIndex>>
    + Hosts<DocumentProjection<SagaInputs<Waiting>>>
{
}

impl<D> SagaDatabase for D where
    D: ReadModels
        + DocumentReader
        + Hosts<DocumentProjection<SagaIndex>>
        + Hosts<DocumentProjection<SagaInputs<Waiting>>>
{
}

/// What a process has that runs the saga.
struct Process<D> {
    sagas: Sagas<(), D>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// In good order.
    Stopped,
    /// In the middle of whatever it does.
    Killed,
}

impl<D: SagaDatabase> Process<D> {
    fn start(world: &World<D>, clock: &Arc<ManualClock>) -> Self {
        let mut lease = ProjectionOptions::default();
        lease.lease = LEASE;
        let projections = Projections::new(world.store.clone(), world.models.clone());
        let mut options = SagaOptions::default();
        options.look_every = Duration::from_millis(20);
        let sagas = Sagas::new(App::new(world.store.clone(), ()), projections.options(lease))
            .with::<Waiting>()
            .options(options)
            .clock(clock.clone());
        let (stop, stopped) = oneshot::channel();
        let runs = sagas.clone();
        let running = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            runs.run(shutdown).await.unwrap();
        });
        Self { sagas, stop, running }
    }

    async fn end(self, end: End) {
        match end {
            End::Stopped => {
                self.stop.send(()).unwrap();
                self.running.await.unwrap();
            }
            End::Killed => {
                self.running.abort();
                assert!(self.running.await.unwrap_err().is_cancelled());
            }
        }
    }

    /// Waits until so many instances are in this state.
    async fn listed(&self, state: &str, count: usize) {
        let list = SagaList { state: Some(state.to_owned()), limit: 1_000, ..SagaList::default() };
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let listed = async {
            loop {
                looks.tick().await;
                match self.sagas.list(&list).await {
                    Ok(page) if page.instances.len() == count => return,
                    // Still being built.
                    Ok(_) | Err(SagasError::List(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, listed).await;
        assert!(in_time.is_ok(), "there are never {count} that are {state}");
    }
}

async fn set_alarms<D>(world: &World<D>) {
    let app = App::new(world.store.clone(), ());
    for number in 0..ALARMS {
        let id = number.to_string();
        app.execute::<Alarm>(&id, AlarmEvent::AlarmSet { id: id.clone() }).await.unwrap();
    }
}

/// How often each event type is in the log.
async fn counts<D>(world: &World<D>) -> BTreeMap<String, usize> {
    let (mut counts, mut after) = (BTreeMap::new(), Position::ZERO);
    loop {
        let page = world.store.read(Read::all().after(after)).await.unwrap();
        for event in &page.events {
            *counts.entry(event.event_type.to_string()).or_default() += 1;
        }
        if !page.has_more {
            return counts;
        }
        after = page.through;
    }
}

/// Every alarm rang, and no timer fired twice.
async fn assert_all_rang_once<D>(world: &World<D>) {
    let names =
        ["alarm_set", "saga.event_taken", "saga.timer_fired", "alarm_rang", "saga.step_succeeded"];
    let expected = names.map(|name| (name.to_owned(), ALARMS));
    assert_eq!(counts(world).await, BTreeMap::from(expected));
}

async fn assert_none_rang<D>(world: &World<D>) {
    assert_eq!(counts(world).await.get("saga.timer_fired"), None);
}

async fn timers_fire_when_they_are_due_and_not_before<D: SagaDatabase>(world: &World<D>) {
    let clock = Arc::<ManualClock>::default();
    let process = Process::start(world, &clock);
    set_alarms(world).await;
    process.listed("running", ALARMS).await;
    clock.advance(TimeDelta::seconds(3_599));
    // It has looked around since: what is set later is taken later.
    let id = "later".to_owned();
    let app = App::new(world.store.clone(), ());
    app.execute::<Alarm>(&id, AlarmEvent::AlarmSet { id: id.clone() }).await.unwrap();
    process.listed("running", ALARMS + 1).await;
    assert_none_rang(world).await;
    clock.advance(TimeDelta::seconds(1));
    process.listed("completed", ALARMS).await;
    process.listed("running", 1).await;
    assert_eq!(counts(world).await.get("saga.timer_fired"), Some(&ALARMS));
    process.end(End::Stopped).await;
}

/// The first process has taken everything, and all instances are its own to look after.
async fn timers_of_a_process_that_ended_fire_in_the_other<D: SagaDatabase>(
    [first, second]: [&World<D>; 2],
    end: End,
) {
    let clock = Arc::<ManualClock>::default();
    let ends = Process::start(first, &clock);
    set_alarms(first).await;
    ends.listed("running", ALARMS).await;
    let other = Process::start(second, &clock);
    ends.end(end).await;
    clock.advance(TimeDelta::hours(1));
    other.listed("completed", ALARMS).await;
    assert_all_rang_once(second).await;
    other.end(End::Stopped).await;
}

/// Whoever looks first fires, and the other one finds it settled.
async fn timers_fire_once_while_two_processes_look<D: SagaDatabase>(
    [first, second]: [&World<D>; 2],
) {
    let clock = Arc::<ManualClock>::default();
    let processes = [Process::start(first, &clock), Process::start(second, &clock)];
    set_alarms(first).await;
    processes[0].listed("running", ALARMS).await;
    clock.advance(TimeDelta::hours(1));
    for process in processes {
        process.listed("completed", ALARMS).await;
        process.end(End::Stopped).await;
    }
    assert_all_rang_once(first).await;
}

async fn set_and_killed<D: SagaDatabase>(world: &World<D>, clock: &Arc<ManualClock>) {
    let process = Process::start(world, clock);
    set_alarms(world).await;
    process.listed("running", ALARMS).await;
    process.end(End::Killed).await;
    assert_none_rang(world).await;
    // Nobody is there when they are due.
    clock.advance(TimeDelta::days(3));
}

/// At once, by what only the log and the read database remember.
async fn fire_after_a_downtime<D: SagaDatabase>(world: &World<D>, clock: &Arc<ManualClock>) {
    let next = Process::start(world, clock);
    next.listed("completed", ALARMS).await;
    assert_all_rang_once(world).await;
    next.end(End::Stopped).await;
}

mod on_sqlite {
    use super::*;

    fn open(folder: &tempfile::TempDir) -> World<SqliteReadModels> {
        let store = SqliteStore::open(folder.path().join("alarms.db")).unwrap();
        let models = SqliteReadModels::open(folder.path().join("alarms.db-read")).unwrap();
        World { store: Arc::new(store), models: Arc::new(models) }
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_when_they_are_due_and_not_before() {
        super::timers_fire_when_they_are_due_and_not_before(&open(&folder())).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_of_one_that_ended_fire_in_the_other() {
        for end in [End::Stopped, End::Killed] {
            let folder = folder();
            let world = open(&folder);
            timers_of_a_process_that_ended_fire_in_the_other([&world, &world], end).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_once_while_two_look() {
        let folder = folder();
        let world = open(&folder);
        timers_fire_once_while_two_processes_look([&world, &world]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_after_a_downtime() {
        let (folder, clock) = (folder(), Arc::default());
        set_and_killed(&open(&folder), &clock).await;
        fire_after_a_downtime(&open(&folder), &clock).await;
    }
}

mod on_postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_when_they_are_due_and_not_before() {
        let database = Database::create().await;
        let world = world_at(&database.url()).await;
        super::timers_fire_when_they_are_due_and_not_before(&world).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_of_a_process_that_ended_fire_in_the_other() {
        for end in [End::Stopped, End::Killed] {
            let database = Database::create().await;
            let (first, second) =
                (world_at(&database.url()).await, world_at(&database.url()).await);
            super::timers_of_a_process_that_ended_fire_in_the_other([&first, &second], end).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_once_while_two_processes_look() {
        let database = Database::create().await;
        let (first, second) = (world_at(&database.url()).await, world_at(&database.url()).await);
        super::timers_fire_once_while_two_processes_look([&first, &second]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timers_fire_after_a_downtime() {
        let (database, clock) = (Database::create().await, Arc::default());
        set_and_killed(&world_at(&database.url()).await, &clock).await;
        fire_after_a_downtime(&world_at(&database.url()).await, &clock).await;
    }
}

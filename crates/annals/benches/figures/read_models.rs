//! Read models: how fast they are built, and how soon they show what was acknowledged.

mod accounts;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::limits::{APPEND_EVENTS_MAX, PAGE_EVENTS_MAX};
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlite::{SqliteReadModels, SqliteStore};
use annals::sqlx::{PostgresReadModels, ReadModelsOptions};
use annals::{
    App, Append, AppendCondition, ConsistencyToken, EventStore, Hosts, Json, ProjectionOptions,
    Projections, Read, ReadModels, StreamId, Visibility, WaitError, codec,
};
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::accounts::{Accounts, copy_limit};
use crate::clients::{Figures, account_id};
use crate::domain::{Account, Command, Event};
use crate::table::{Figure, Table};
use crate::{ACCOUNTS, Arguments, database};

const COLUMNS: [&str; 2] = ["sqlite", "postgres"];

const SCAN: &str = "scan the log, decoding";
const REBUILD: &str = "rebuild, 1 worker";
const REBUILD_SHARED: &str = "rebuild, 2 workers";

/// Commands in a second, by the name of their row. Ten of them find everybody idle, as one does.
const VISIBLE: [(&str, u64); 2] =
    [("visible, 10 commands/s", 10), ("visible, 5,000 commands/s", 5_000)];

/// How long anything may take before the figures are not worth waiting for.
const PATIENCE: Duration = Duration::from_secs(300);

/// A log and how to make a place for read models of it.
struct Subject {
    column: &'static str,
    store: Arc<dyn EventStore>,
}

pub(crate) async fn measure(
    arguments: &Arguments,
    folder: &Path,
    server: &str,
) -> anyhow::Result<Table> {
    let url = database::create(server, "annals_bench_log").await?;
    let postgres = PostgresStore::open(PostgresOptions::from_url(&url)?).await?;
    let sqlite = SqliteStore::open(folder.join("log.db"))?;
    let subjects = [
        Subject { column: "sqlite", store: Arc::new(sqlite) },
        Subject { column: "postgres", store: Arc::new(postgres) },
    ];
    let mut table = Table::new(&COLUMNS);
    for subject in &subjects {
        eprintln!("filling the log in {} with {} events", subject.column, arguments.events);
        fill(&*subject.store, arguments.events).await?;
    }
    for round in 1..=arguments.rounds {
        table.add_limit(
            "postgres, rows of a binary COPY into the table of accounts",
            Figure::Throughput(copy_limit(server).await?),
        );
        for subject in &subjects {
            eprintln!("round {round} of {}: read models, {}", arguments.rounds, subject.column);
            let start = Instant::now();
            let events = scan(&*subject.store).await?;
            table.add(SCAN, subject.column, Figure::events_per_second(events, start.elapsed()));
            if subject.column == "sqlite" {
                let open = || async {
                    let place = folder.join(format!("read-{}", uuid::Uuid::now_v7()));
                    Ok(Arc::new(SqliteReadModels::open(place)?))
                };
                measure_on(arguments, subject, open, &mut table).await?;
            } else {
                let open = || async {
                    let url = database::create(server, "annals_bench_read").await?;
                    let options = ReadModelsOptions::from_url(&url)?;
                    Ok(Arc::new(PostgresReadModels::open(options).await?))
                };
                measure_on(arguments, subject, open, &mut table).await?;
            }
        }
    }
    drop(subjects);
    for name in ["log", "read"] {
        database::remove(server, &format!("annals_bench_{name}")).await?;
    }
    Ok(table)
}

async fn measure_on<D, F>(
    arguments: &Arguments,
    subject: &Subject,
    open: impl Fn() -> F,
    table: &mut Table,
) -> anyhow::Result<()>
where
    D: ReadModels + Hosts<Accounts>,
    F: Future<Output = anyhow::Result<Arc<D>>>,
{
    let store = &subject.store;
    for (row, builders) in [(REBUILD, 1), (REBUILD_SHARED, 2)] {
        let models = open().await?;
        let projections = projections(store, models, builders)?;
        let visibility = projections.visibility().clone();
        let start = Instant::now();
        during(projections, wait(store, &visibility)).await?;
        let head = store.head().await?.get();
        table.add(row, subject.column, Figure::events_per_second(head, start.elapsed()));
    }
    let projections = projections(store, open().await?, 1)?;
    let visibility = projections.visibility().clone();
    let seconds = Duration::from_secs_f64(arguments.seconds);
    let visible = async {
        wait(store, &visibility).await?;
        let app = warm(store).await?;
        for (row, rate) in VISIBLE {
            // Enough of the slow ones to speak of a hundredth.
            let time = if rate < 100 { seconds * 10 } else { seconds };
            let figures = visible_after(&app, &visibility, rate, time).await?;
            table.add(row, subject.column, Figure::Rate(figures));
        }
        Ok(())
    };
    during(projections, visible).await
}

fn projections<D: ReadModels + Hosts<Accounts>>(
    store: &Arc<dyn EventStore>,
    models: Arc<D>,
    builders: u32,
) -> anyhow::Result<Projections<D>> {
    let mut options = ProjectionOptions::default();
    options.builders = builders.try_into()?;
    Ok(Projections::new(store.clone(), models).with(Accounts).options(options))
}

/// Keeps read models up to date while `task` runs.
async fn during<D: ReadModels, T>(
    projections: Projections<D>,
    task: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let (end, ended) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let shutdown = async {
            let _ = ended.await;
        };
        projections.run(shutdown).await
    });
    let output = task.await;
    drop(end);
    running.await??;
    output
}

/// Waits until the read model has seen all of the log.
async fn wait(store: &Arc<dyn EventStore>, visibility: &Visibility) -> anyhow::Result<()> {
    let token = ConsistencyToken { log_id: store.log_id(), position: store.head().await? };
    let start = Instant::now();
    loop {
        match visibility.wait_for(Accounts::NAME, token, PATIENCE).await {
            Ok(_) => return Ok(()),
            Err(WaitError::NotServing { .. }) if start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => bail!(error),
        }
    }
}

/// An application that has the states of all accounts in memory, as one that has run for a while:
/// what is measured is how soon changes are visible, and not loading.
async fn warm(store: &Arc<dyn EventStore>) -> anyhow::Result<App<()>> {
    let app = App::new(store.clone(), ());
    for number in 0..ACCOUNTS {
        app.load::<Account>(&account_id(number)).await?;
    }
    Ok(app)
}

/// Executes so many commands in a second, and measures from each acknowledgement until the read
/// model shows it.
async fn visible_after(
    app: &App<()>,
    visibility: &Visibility,
    rate: u64,
    time: Duration,
) -> anyhow::Result<Figures> {
    let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut tasks = JoinSet::new();
    let ticks_per_second = rate.min(1_000);
    let mut ticks =
        tokio::time::interval(Duration::from_secs(1) / u32::try_from(ticks_per_second)?);
    // What was missed is not made up for at once: the rate is what is asked for, or less.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = Instant::now();
    let mut number = 0_usize;
    while start.elapsed() < time {
        ticks.tick().await;
        for _ in 0..rate / ticks_per_second {
            number += 7;
            let (app, visibility) = (app.clone(), visibility.clone());
            tasks.spawn(async move {
                let id = account_id(number % ACCOUNTS);
                let deposit = Command::Deposit { amount: 100 };
                let executed = app.execute::<Account>(&id, deposit).await?;
                let acknowledged = Instant::now();
                visibility.wait_for(Accounts::NAME, executed.token, PATIENCE).await?;
                anyhow::Ok(acknowledged.elapsed())
            });
        }
    }
    let elapsed = start.elapsed();
    while let Some(task) = tasks.join_next().await {
        all.saturating_record(u64::try_from(task??.as_nanos())?);
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = all.len() as f64 / elapsed.as_secs_f64();
    let at = |quantile| Duration::from_nanos(all.value_at_quantile(quantile));
    Ok(Figures { calls: all.len(), per_second, p50: at(0.50), p99: at(0.99) })
}

/// Opens the accounts and pays something into them, in turn.
async fn fill(store: &dyn EventStore, events: usize) -> anyhow::Result<()> {
    let owner_name = "Alice".to_owned();
    let opened = Event::AccountOpened { owner_name, initial_balance: 0 };
    let deposit = Event::deposit();
    let mut number = 0;
    while number < events {
        let mut batch = Vec::with_capacity(APPEND_EVENTS_MAX);
        while number < events && batch.len() < APPEND_EVENTS_MAX {
            let stream = StreamId::new("account", account_id(number % ACCOUNTS))?;
            let event = if number < ACCOUNTS { &opened } else { &deposit };
            batch.push(codec::encode(&stream, event, &Json::empty_object())?);
            number += 1;
        }
        let append = Append::new(batch, AppendCondition::default(), None)?;
        let _ = store.append(append).await?;
    }
    Ok(())
}

/// Reads the whole log and decodes every event; returns how many there are.
async fn scan(store: &dyn EventStore) -> anyhow::Result<u64> {
    let (mut events, mut read) = (0, Read::all().limit(PAGE_EVENTS_MAX));
    loop {
        let page = store.read(read.clone()).await?;
        for event in &page.events {
            std::hint::black_box(codec::decode::<Event>(event).context("it was written here")?);
            events += 1;
        }
        if !page.has_more {
            return Ok(events);
        }
        read = read.after(page.through);
    }
}

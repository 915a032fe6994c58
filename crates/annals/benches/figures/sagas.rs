//! Transfers: by a durable saga, by one decision over both accounts, and by a saga that keeps its
//! progress in a stack frame.

mod ends;
mod instant;
mod transfer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals::limits::APPEND_EVENTS_MAX;
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlite::{SqliteReadModels, SqliteStore};
use annals::sqlx::{PostgresReadModels, ReadModelsOptions};
use annals::{
    Aggregate, App, Append, AppendCondition, DocumentProjection, DocumentReader, EventStore, Hosts,
    Json, Projections, ReadModels, SagaIndex, SagaInputs, Sagas, StreamId, codec,
};
use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use uuid::Uuid;

use self::ends::Ends;
use self::instant::InstantTransfer;
use self::transfer::{Order, Transfer, TransferCommand, TransferSaga};
use crate::clients::{self, Call, Figures, account_id};
use crate::domain::{Account, Command, Event};
use crate::table::{Figure, Table};
use crate::{ACCOUNTS, Arguments, FLUSH, database, flush};

const COLUMNS: [&str; 2] = ["sqlite", "postgres"];

/// What one client does, and many; with the names of their rows.
const CLIENTS: [(usize, [&str; 4]); 2] = [
    (1, ["1 client, saga", "  of it, after the answer", "1 client, decision", "1 client, frame"]),
    (
        64,
        [
            "64 clients, saga",
            "  of it, after the answer ",
            "64 clients, decision",
            "64 clients, frame",
        ],
    ),
];

/// Transfers that nobody has begun with, all made as fast as it goes.
const BACKLOG: &str = "backlog, saga";
const BACKLOG_TRANSFERS: usize = 5_000;

/// More than is ever transferred.
const INITIAL_BALANCE: i64 = 1_000_000_000;

/// How long a transfer may take before the figures are not worth waiting for.
const PATIENCE: Duration = Duration::from_secs(300);

/// A log, and read models for its sagas.
struct Subject<D> {
    column: &'static str,
    store: Arc<dyn EventStore>,
    models: Arc<D>,
    ends: Arc<Ends>,
}

/// A read database on which the saga can be run.
trait Makes:
    ReadModels
    + DocumentReader
    + Hosts<DocumentProjection<SagaIndex>>
    + Hosts<DocumentProjection<SagaInputs<TransferSaga>>>
{
}

impl<D> Makes for D where
    D: ReadModels
        + DocumentReader
        + Hosts<DocumentProjection<SagaIndex>>
        + Hosts<DocumentProjection<SagaInputs<TransferSaga>>>
{
}

impl<D> Subject<D> {
    async fn new<S: EventStore>(column: &'static str, store: S, models: D) -> anyhow::Result<Self> {
        open_accounts(&store).await?;
        let store: Arc<dyn EventStore> = Arc::new(store);
        let ends = Arc::new(Ends::of(store.clone())?);
        Ok(Self { column, store, models: Arc::new(models), ends })
    }
}

pub(crate) async fn measure(
    arguments: &Arguments,
    folder: &Path,
    server: &str,
) -> anyhow::Result<Table> {
    let store = SqliteStore::open(folder.join("transfers.db"))?;
    let models = SqliteReadModels::open(folder.join("transfers-read"))?;
    let sqlite = Subject::new("sqlite", store, models).await?;
    let log = PostgresOptions::from_url(&database::create(server, "annals_bench_log").await?)?;
    let read = ReadModelsOptions::from_url(&database::create(server, "annals_bench_read").await?)?;
    let (store, models) = (PostgresStore::open(log).await?, PostgresReadModels::open(read).await?);
    let postgres = Subject::new("postgres", store, models).await?;
    let mut table = Table::new(&COLUMNS);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}: transfers", arguments.rounds);
        table.add_limit(FLUSH, Figure::Time(flush::median(folder)?));
        measure_round(arguments, &sqlite, &mut table).await?;
        measure_round(arguments, &postgres, &mut table).await?;
    }
    drop((sqlite, postgres));
    for name in ["log", "read"] {
        database::remove(server, &format!("annals_bench_{name}")).await?;
    }
    Ok(table)
}

async fn measure_round<D: Makes>(
    arguments: &Arguments,
    subject: &Subject<D>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let column = subject.column;
    if !column.contains(&arguments.subject) {
        return Ok(());
    }
    // What is in memory of accounts stays, as in an application that has run for a while.
    let app = App::new(subject.store.clone(), ());
    let is_wanted = |row: &str| row.contains(&arguments.only);
    let time = Duration::from_secs_f64(arguments.seconds);
    for (clients, [saga, after, decision, frame]) in CLIENTS {
        if is_wanted(decision) {
            let figures = clients::run(clients, time, by_decision(app.clone())).await?;
            table.add(decision, column, Figure::Rate(figures));
        }
        if is_wanted(frame) {
            let figures = clients::run(clients, time, by_frame(app.clone())).await?;
            table.add(frame, column, Figure::Rate(figures));
        }
        if is_wanted(saga) {
            let work = by_saga(clients, time, app.clone(), subject.ends.clone());
            let (whole, after_answer) = making(subject, app.clone(), work).await?;
            table.add(saga, column, Figure::Rate(whole));
            table.add(after, column, Figure::Rate(after_answer));
        }
    }
    if is_wanted(BACKLOG) {
        table.add(BACKLOG, column, backlog(subject, app).await?);
    }
    Ok(())
}

/// A transfer of 1 between two accounts.
fn order(random: u64) -> Order {
    let accounts = ACCOUNTS as u64;
    let from = random % accounts;
    let to = (from + 1 + (random / accounts) % (accounts - 1)) % accounts;
    let account = |number| account_id(usize::try_from(number).unwrap_or(0));
    let (from, to) = (account(from), account(to));
    Order { transfer: Uuid::now_v7().to_string(), from, to, amount: 1 }
}

fn by_decision(app: App<()>) -> Call {
    Arc::new(move |_, random| {
        let app = app.clone();
        Box::pin(async move {
            app.decide(InstantTransfer(order(random))).await?;
            Ok(())
        })
    })
}

/// What a saga is in most tutorials. Whoever crashes between withdrawing and depositing has lost
/// the money.
fn by_frame(app: App<()>) -> Call {
    Arc::new(move |_, random| {
        let app = app.clone();
        Box::pin(async move {
            let Order { from, to, amount, .. } = order(random);
            app.execute::<Account>(&from, Command::Withdraw { amount }).await?;
            if let Err(error) = app.execute::<Account>(&to, Command::Deposit { amount }).await {
                app.execute::<Account>(&from, Command::Deposit { amount }).await?;
                return Err(error.into());
            }
            Ok(())
        })
    })
}

/// Clients that request a transfer and wait until the log shows its end: their figures from the
/// request on, and from its answer on.
async fn by_saga(
    clients: usize,
    time: Duration,
    app: App<()>,
    ends: Arc<Ends>,
) -> anyhow::Result<(Figures, Figures)> {
    // Not measured: whoever makes transfers has to begin with it.
    make(&app, &ends, order(0)).await?;
    let after = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?));
    let record = after.clone();
    let call: Call = Arc::new(move |_, random| {
        let (app, ends, record) = (app.clone(), ends.clone(), record.clone());
        Box::pin(async move {
            let taken = make(&app, &ends, order(random)).await?;
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            record.saturating_record(u64::try_from(taken.as_nanos())?);
            Ok(())
        })
    });
    let whole = clients::run(clients, time, call).await?;
    let after = after.lock().unwrap_or_else(PoisonError::into_inner);
    let at = |quantile| Duration::from_nanos(after.value_at_quantile(quantile));
    let after = Figures { p50: at(0.50), p99: at(0.99), ..whole };
    Ok((whole, after))
}

/// Makes a transfer, and tells how long it took from the answer to its end.
async fn make(app: &App<()>, ends: &Ends, order: Order) -> anyhow::Result<Duration> {
    let id = order.transfer.clone();
    let end = ends.expect(&id);
    app.execute::<Transfer>(&id, TransferCommand::Request(order)).await?;
    let answered = Instant::now();
    let end = tokio::time::timeout(PATIENCE, end).await.context("a transfer does not end")??;
    Ok(end.saturating_duration_since(answered))
}

/// How many transfers are made in a second of those that were requested while nobody made any.
async fn backlog<D: Makes>(subject: &Subject<D>, app: App<()>) -> anyhow::Result<Figure> {
    let (ends, each) = (subject.ends.clone(), app.clone());
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let all = waiting.clone();
    let request = move |_, random| {
        let (ends, app, all) = (ends.clone(), each.clone(), all.clone());
        Box::pin(async move {
            let order = order(random);
            let id = order.transfer.clone();
            let end = ends.expect(&id);
            all.lock().unwrap_or_else(PoisonError::into_inner).push(end);
            app.execute::<Transfer>(&id, TransferCommand::Request(order)).await?;
            Ok(())
        }) as _
    };
    clients::run_once_each(BACKLOG_TRANSFERS, Arc::new(request)).await?;
    let waiting = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
    let start = Instant::now();
    let ended = async {
        for end in waiting {
            tokio::time::timeout(PATIENCE, end).await.context("a transfer does not end")??;
        }
        Ok(start.elapsed())
    };
    let elapsed = making(subject, app, ended).await?;
    Ok(Figure::events_per_second(BACKLOG_TRANSFERS as u64, elapsed))
}

/// Runs the saga while `work` goes on.
async fn making<D: Makes, T>(
    subject: &Subject<D>,
    app: App<()>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let projections = Projections::new(subject.store.clone(), subject.models.clone());
    let sagas = Sagas::new(app, projections).with::<TransferSaga>();
    let (end, ended) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let shutdown = async {
            let _ = ended.await;
        };
        sagas.run(shutdown).await
    });
    let output = tokio::select! {
        output = work => output,
        Err(error) = subject.ends.tell() => Err(error),
    };
    drop(end);
    running.await??;
    output
}

/// Opens the accounts, with more than enough in each.
async fn open_accounts(store: &dyn EventStore) -> anyhow::Result<()> {
    let owner_name = "Ada Lovelace".to_owned();
    let opened = Event::AccountOpened { owner_name, initial_balance: INITIAL_BALANCE };
    for first in (0..ACCOUNTS).step_by(APPEND_EVENTS_MAX) {
        let numbers = first..ACCOUNTS.min(first + APPEND_EVENTS_MAX);
        let event = |number| {
            let stream = StreamId::new(Account::TYPE, account_id(number))?;
            anyhow::Ok(codec::encode(&stream, &opened, &Json::empty_object())?)
        };
        let events = numbers.map(event).collect::<Result<_, _>>()?;
        let _ = store.append(Append::new(events, AppendCondition::default(), None)?).await?;
    }
    Ok(())
}

//! Our figures, the physical limits and the naive way, side by side from one run.
//!
//! `cargo xtask bench` runs it. The rounds are interleaved, so that a machine that gets slower
//! meanwhile slows all alike, and each figure is the median of its rounds.

mod clients;
mod database;
mod domain;
mod flush;
mod limit;
mod naive_postgres;
mod naive_sqlite;
mod read_models;
mod sagas;
mod scan;
mod store;
mod subject;
mod table;
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::MemoryStore;
use annals::limits::APPEND_EVENTS_MAX;
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlite::SqliteStore;
use anyhow::{Context, ensure};
use clap::Parser;

use crate::clients::{Call, account_id};
use crate::limit::Limit;
use crate::naive_postgres::NaivePostgres;
use crate::naive_sqlite::NaiveSqlite;
use crate::store::Annals;
use crate::subject::Subject;
use crate::table::{Figure, Table};
use crate::telemetry::Telling;

/// As many accounts as a state cache holds easily, and more than a batch.
const ACCOUNTS: usize = 10_000;
/// Events of the stream whose loading is measured.
const LONG_STREAM_EVENTS: usize = 10_000;
const LONG_STREAM: &str = "long";
/// Loads per round.
const LOADS: usize = 20;

/// Prints how fast Annals is on this machine, beside the physical limits and the naive way.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// How long each measurement lasts.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only rows with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Only columns with this in their name.
    #[arg(long, default_value = "")]
    subject: String,
    /// Events of the log that read models are built from.
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Only this part.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// What a process tells about itself that another one has started to measure it.
    #[arg(long, hide = true)]
    telling: Option<Telling>,
    /// Where the files go: the disk that is measured. Given by `cargo xtask bench`.
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
    /// A PostgreSQL server where databases may be created. Given by `cargo xtask bench`.
    #[arg(long, hide = true)]
    url: Option<String>,
    /// Given by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Commands,
    ReadModels,
    Sagas,
    Telemetry,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                                everything, about six minutes
  cargo xtask bench -- --only client --seconds 1   only the rows with this in their name
  cargo xtask bench -- --subject postgres          only the columns with this in their name
  cargo xtask bench -- --part read-models          only how fast read models are built
  cargo xtask bench -- --part sagas                only transfers, by saga and otherwise
  cargo xtask bench -- --part telemetry            only what telemetry costs commands";

/// The columns of the table, in their order.
const NAMES: [&str; 5] =
    ["naive sqlite", "annals sqlite", "naive postgres", "annals postgres", "annals memory"];

/// What clients do.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// A deposit to any of the accounts.
    DepositAnywhere,
    /// A deposit to the same account.
    DepositToOne,
    /// An append of many events to a stream of the client's own.
    Append { events: usize },
}

/// What clients do, by the name of its row.
const WORK: [(&str, usize, Work); 7] = [
    ("1 client", 1, Work::DepositAnywhere),
    ("16 clients", 16, Work::DepositAnywhere),
    ("64 clients", 64, Work::DepositAnywhere),
    ("256 clients", 256, Work::DepositAnywhere),
    ("16 clients, one account", 16, Work::DepositToOne),
    ("16 clients, 10 events each", 16, Work::Append { events: 10 }),
    ("16 clients, 100 events each", 16, Work::Append { events: 100 }),
];
const LOAD: &str = "load 10,000 events";
const LOAD_SNAPSHOT: &str = "load them from a snapshot";
const SCAN: &str = "scan the log, decoding";

impl Work {
    fn events(self) -> usize {
        match self {
            Self::Append { events } => events,
            Self::DepositAnywhere | Self::DepositToOne => 1,
        }
    }

    fn call(self, subject: &Arc<dyn Subject>) -> Call {
        let subject = Arc::clone(subject);
        Arc::new(move |client, random| {
            let subject = Arc::clone(&subject);
            Box::pin(async move {
                match self {
                    Self::DepositAnywhere => {
                        let account = usize::try_from(random % ACCOUNTS as u64)?;
                        subject.deposit(account_id(account)).await
                    }
                    Self::DepositToOne => subject.deposit(account_id(0)).await,
                    Self::Append { events } => {
                        subject.append(format!("batch-{events}-{client}"), events).await
                    }
                }
            })
        })
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let how = "run this by `cargo xtask bench`";
    let folder = arguments.folder.as_ref().context(how)?;
    let server = arguments.url.as_deref().context(how)?;
    if let Some(telling) = arguments.telling {
        return runtime.block_on(telemetry::work(telling, folder, server));
    }
    let folder = tempfile::tempdir_in(folder)?;
    let is_wanted = |part| arguments.part.is_none_or(|only| only == part);
    if is_wanted(Part::Commands) {
        println!("{}", runtime.block_on(measure(&arguments, folder.path(), server))?);
    }
    if is_wanted(Part::ReadModels) {
        let table = runtime.block_on(read_models::measure(&arguments, folder.path(), server))?;
        println!("{table}");
    }
    if is_wanted(Part::Sagas) {
        let table = runtime.block_on(sagas::measure(&arguments, folder.path(), server))?;
        println!("{table}");
    }
    if is_wanted(Part::Telemetry) {
        let (table, costs) = telemetry::measure(&arguments, folder.path(), server)?;
        println!("{table}\n{costs}");
        runtime.block_on(telemetry::clear(server))?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments, folder: &Path, server: &str) -> anyhow::Result<Table> {
    let mut table = Table::new(&NAMES);
    let mut subjects = Vec::new();
    for name in NAMES.into_iter().filter(|name| name.contains(&arguments.subject)) {
        let subject = open(name, folder, server).await?;
        eprintln!("filling {name}");
        fill(&subject).await.with_context(|| name)?;
        subjects.push((name, subject));
    }
    let limit = Limit::open(&database::create(server, "annals_bench_limit").await?).await?;
    for round in 1..=arguments.rounds {
        table.add_limit(FLUSH, Figure::Time(flush::median(folder)?));
        measure_limits(arguments, &limit, &mut table).await?;
        for (name, subject) in &subjects {
            eprintln!("round {round} of {}: {name}", arguments.rounds);
            measure_round(arguments, name, subject, &mut table).await.with_context(|| *name)?;
        }
        table.add_limit(FLUSH, Figure::Time(flush::median(folder)?));
    }
    drop((subjects, limit));
    for name in ["limit", "naive", "store"] {
        database::remove(server, &format!("annals_bench_{name}")).await?;
    }
    Ok(table)
}

/// Opens the subject of this name, empty.
async fn open(name: &str, folder: &Path, server: &str) -> anyhow::Result<Arc<dyn Subject>> {
    Ok(match name {
        "naive sqlite" => NaiveSqlite::open(&folder.join("naive.db"))?,
        "annals sqlite" => Annals::on(SqliteStore::open(folder.join("annals.db"))?),
        "naive postgres" => {
            NaivePostgres::open(&database::create(server, "annals_bench_naive").await?).await?
        }
        "annals postgres" => {
            let url = database::create(server, "annals_bench_store").await?;
            Annals::on(PostgresStore::open(PostgresOptions::from_url(&url)?).await?)
        }
        _ => Annals::on(MemoryStore::new()),
    })
}

async fn fill(subject: &Arc<dyn Subject>) -> anyhow::Result<()> {
    let each = Arc::clone(subject);
    let open = move |number, _| {
        let subject = Arc::clone(&each);
        Box::pin(async move { subject.open_account(account_id(number)).await }) as _
    };
    clients::run_once_each(ACCOUNTS, Arc::new(open)).await?;
    for _ in 0..LONG_STREAM_EVENTS / APPEND_EVENTS_MAX {
        subject.append(LONG_STREAM.to_owned(), APPEND_EVENTS_MAX).await?;
    }
    // Not measured: fills what is filled once, and lets a snapshot be taken.
    if let Some(load) = subject.load_from_snapshot(LONG_STREAM.to_owned()) {
        load.await?;
    }
    subject.deposit(account_id(0)).await
}

const FLUSH: &str = "flush (fdatasync of 4 KiB)";

async fn measure_limits(
    arguments: &Arguments,
    limit: &Arc<Limit>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let time = Duration::from_secs_f64(arguments.seconds);
    for clients in [1, 16, 64, 256] {
        let name = format!("postgres, an insert per transaction: {clients}");
        table.add_limit(&name, Figure::Throughput(limit.inserts(clients, time).await?));
    }
    table.add_limit("postgres, rows of a binary COPY", Figure::Throughput(limit.copy().await?));
    Ok(())
}

async fn measure_round(
    arguments: &Arguments,
    name: &'static str,
    subject: &Arc<dyn Subject>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let is_wanted = |row: &str| row.contains(&arguments.only);
    let time = Duration::from_secs_f64(arguments.seconds);
    for (row, clients, work) in WORK.into_iter().filter(|(row, ..)| is_wanted(row)) {
        let before = subject.count().await?;
        let figures = clients::run(clients, time, work.call(subject)).await?;
        let (written, acknowledged) =
            (subject.count().await? - before, figures.calls * work.events() as u64);
        ensure!(written == acknowledged, "{row}: {acknowledged} acknowledged, {written} written");
        table.add(row, name, Figure::rate(figures, work.events()));
    }
    let long = || LONG_STREAM.to_owned();
    if is_wanted(LOAD) {
        table.add(LOAD, name, Figure::Time(median_time(|| subject.load(long())).await?));
    }
    if is_wanted(LOAD_SNAPSHOT) && subject.load_from_snapshot(long()).is_some() {
        let load = || subject.load_from_snapshot(long()).expect("there was one");
        table.add(LOAD_SNAPSHOT, name, Figure::Time(median_time(load).await?));
    }
    if is_wanted(SCAN) {
        let start = Instant::now();
        let events = subject.scan().await?;
        table.add(SCAN, name, Figure::events_per_second(events, start.elapsed()));
    }
    Ok(())
}

/// The median time of loading the long stream with nothing in memory.
async fn median_time<L: Future<Output = anyhow::Result<i64>>>(
    load: impl Fn() -> L,
) -> anyhow::Result<Duration> {
    let mut times = Vec::with_capacity(LOADS);
    for _ in 0..LOADS {
        let start = Instant::now();
        std::hint::black_box(load().await?);
        times.push(start.elapsed());
    }
    times.sort();
    times.get(LOADS / 2).copied().ok_or_else(|| anyhow::anyhow!("nothing was loaded"))
}

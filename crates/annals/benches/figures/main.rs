//! Our figures, the physical limit and the naive way, side by side from one run.
//!
//! `cargo xtask bench` runs it. The rounds are interleaved, so that a machine that gets slower
//! meanwhile slows all alike, and each figure is the median of its rounds.

mod clients;
mod domain;
mod flush;
mod naive;
mod subject;
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use annals::limits::APPEND_EVENTS_MAX;
use clap::Parser;

use crate::clients::{Work, account_id, open_accounts};
use crate::subject::{NAMES, Subject};
use crate::table::{Figure, Table};

/// As many accounts as a state cache holds easily, and more than a batch.
const ACCOUNTS: usize = 10_000;
/// Events of the stream whose loading is measured.
const LONG_STREAM_EVENTS: usize = 10_000;
const LONG_STREAM: &str = "long";
/// Loads per round.
const LOADS: usize = 20;

/// Prints how fast Annals is on this machine, beside the physical limit and the naive way.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long each measurement lasts.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the files go: the disk that is measured. Default: the target folder.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only rows with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// Only columns with this in their name.
    #[arg(long, default_value = "")]
    subject: String,
    /// Given by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What clients do, by the name of its row.
const WORK: [(&str, usize, Work); 7] = [
    ("1 client", 1, Work::DepositAnywhere { accounts: ACCOUNTS }),
    ("16 clients", 16, Work::DepositAnywhere { accounts: ACCOUNTS }),
    ("64 clients", 64, Work::DepositAnywhere { accounts: ACCOUNTS }),
    ("256 clients", 256, Work::DepositAnywhere { accounts: ACCOUNTS }),
    ("16 clients, one account", 16, Work::DepositToOne),
    ("16 clients, 10 events each", 16, Work::Append { events: 10 }),
    ("16 clients, 100 events each", 16, Work::Append { events: 100 }),
];
const LOAD: &str = "load 10,000 events";
const LOAD_SNAPSHOT: &str = "load them from a snapshot";
const SCAN: &str = "scan the log, decoding";

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let table = runtime.block_on(measure(&arguments))?;
    println!("{table}");
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Table> {
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
    };
    let mut table = Table::new(&NAMES);
    let mut subjects = Vec::new();
    for name in NAMES.into_iter().filter(|name| name.contains(&arguments.subject)) {
        let subject = subject::open(name, folder.path())?;
        eprintln!("filling {name}");
        fill(&subject).await?;
        subjects.push((name, subject));
    }
    for round in 1..=arguments.rounds {
        table.add_flush(flush::median(folder.path())?);
        for (name, subject) in &subjects {
            eprintln!("round {round} of {}: {name}", arguments.rounds);
            measure_round(arguments, name, subject, &mut table).await?;
        }
        table.add_flush(flush::median(folder.path())?);
    }
    Ok(table)
}

async fn fill(subject: &Subject) -> anyhow::Result<()> {
    open_accounts(subject, ACCOUNTS).await?;
    for _ in 0..LONG_STREAM_EVENTS / APPEND_EVENTS_MAX {
        subject.append(LONG_STREAM.to_owned(), APPEND_EVENTS_MAX).await?;
    }
    // Not measured: fills what is filled once, and lets a snapshot be taken.
    subject.load_cold(LONG_STREAM, true).await?;
    subject.deposit(account_id(0)).await
}

async fn measure_round(
    arguments: &Arguments,
    name: &'static str,
    subject: &Subject,
    table: &mut Table,
) -> anyhow::Result<()> {
    let is_wanted = |row: &str| row.contains(&arguments.only);
    let time = Duration::from_secs_f64(arguments.seconds);
    for (row, clients, work) in WORK.into_iter().filter(|(row, ..)| is_wanted(row)) {
        let figures = clients::run(subject, clients, work, time).await?;
        table.add(row, name, Figure::Rate(figures));
    }
    for (row, with_snapshots) in [(LOAD, false), (LOAD_SNAPSHOT, true)] {
        let is_possible = !(with_snapshots && matches!(subject, Subject::Naive(_)));
        if is_wanted(row) && is_possible {
            table.add(row, name, Figure::Time(load(subject, with_snapshots).await?));
        }
    }
    if is_wanted(SCAN) {
        let start = Instant::now();
        let events = subject.scan().await?;
        table.add(SCAN, name, Figure::events_per_second(events, start.elapsed()));
    }
    Ok(())
}

/// The median time to load the long stream with nothing in memory.
async fn load(subject: &Subject, with_snapshots: bool) -> anyhow::Result<Duration> {
    let mut times = Vec::with_capacity(LOADS);
    for _ in 0..LOADS {
        let start = Instant::now();
        std::hint::black_box(subject.load_cold(LONG_STREAM, with_snapshots).await?);
        times.push(start.elapsed());
    }
    times.sort();
    times.get(LOADS / 2).copied().ok_or_else(|| anyhow::anyhow!("nothing was loaded"))
}

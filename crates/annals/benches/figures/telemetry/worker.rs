//! A process that is measured, and what starts it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use annals::otel::{self, Lines, Options, Settings};
use annals::postgres::{PostgresOptions, PostgresStore};
use annals::sqlite::SqliteStore;
use anyhow::{Context, ensure};
use rustix::time::{ClockId, clock_gettime};

use super::collector::Collector;
use crate::clients::{self, Figures};
use crate::store::Annals;
use crate::subject::Subject;
use crate::{Work, database, fill};

/// What a process tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Telling {
    /// It has no telemetry.
    Without,
    /// It has, and nobody has asked for it: only log lines.
    Off,
    /// It exports, with everything as it is by default.
    On,
}

impl Telling {
    pub(super) const ALL: [Self; 3] = [Self::Without, Self::Off, Self::On];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Off => "off",
            Self::On => "on",
        }
    }

    pub(super) fn database(self) -> String {
        format!("annals_bench_telemetry_{}", self.name())
    }
}

/// What a process got done, and what it took.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) figures: Figures,
    /// Of all its threads, those that export included.
    pub(super) processor: Duration,
}

/// A process that is told on standard input what to do.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) telling: Telling,
    child: Child,
    orders: ChildStdin,
    figures: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts it, and waits until it has filled its stores.
    pub(super) fn start(
        telling: Telling,
        folder: &Path,
        server: &str,
        collector: &Collector,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--telling", telling.name(), "--url", server]).arg("--folder").arg(folder);
        if telling == Telling::On {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take().context("it has no standard input")?;
        let figures = BufReader::new(child.stdout.take().context("it has no standard output")?);
        let mut worker = Self { telling, child, orders, figures };
        ensure!(worker.line()? == READY, "a worker has failed");
        Ok(worker)
    }

    /// Has so many clients make deposits on a store for as long as [`SLICE`].
    pub(super) fn run(&mut self, store: &str, clients: usize) -> anyhow::Result<Slice> {
        writeln!(self.orders, "{clients} {store}")?;
        let line = self.line()?;
        let words: Vec<&str> = line.split(' ').collect();
        let [calls, per_second, p50, p99, processor] = words.as_slice() else {
            anyhow::bail!("a worker has failed: {line}");
        };
        let figures = Figures {
            calls: calls.parse()?,
            per_second: per_second.parse()?,
            p50: Duration::from_nanos(p50.parse()?),
            p99: Duration::from_nanos(p99.parse()?),
        };
        Ok(Slice { figures, processor: Duration::from_nanos(processor.parse()?) })
    }

    /// Lets it end.
    pub(super) fn end(self) -> anyhow::Result<()> {
        let Self { mut child, orders, .. } = self;
        drop(orders);
        let status = child.wait()?;
        ensure!(status.success(), "a worker has failed: {status}");
        Ok(())
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.figures.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// How long a process works until it is another one's turn.
///
/// Shorter than what a machine with other things to do is steady for, and long enough for thousands
/// of commands.
pub(super) const SLICE: Duration = Duration::from_millis(500);

/// How long a process works before it is measured.
///
/// While the others had their turn it has saved up traces that it may keep. Within this time they
/// are used up, so that as many are kept in a slice as in any other half second.
const LEAD_IN: Duration = Duration::from_millis(250);

/// What a worker says when it may be told what to do.
const READY: &str = "ready";

/// Does what is asked for on standard input, until that ends.
pub(crate) async fn work(telling: Telling, folder: &Path, server: &str) -> anyhow::Result<()> {
    let settings = Settings::from_variables(|name| std::env::var(name).ok())?;
    let options = Options { service: "figures", version: "1", lines: Lines::Human, filter: "warn" };
    let running = match telling {
        Telling::Without => None,
        Telling::Off | Telling::On => Some(otel::start(&settings, &options)?),
    };
    let file = folder.join(format!("telemetry-{}.db", telling.name()));
    let url = database::create(server, &telling.database()).await?;
    let subjects: BTreeMap<&str, Arc<dyn Subject>> = BTreeMap::from([
        ("annals sqlite", Annals::on(SqliteStore::open(file)?)),
        (
            "annals postgres",
            Annals::on(PostgresStore::open(PostgresOptions::from_url(&url)?).await?),
        ),
    ]);
    for subject in subjects.values() {
        fill(subject).await?;
    }
    println!("{READY}");
    for order in std::io::stdin().lines() {
        let order = order?;
        let (clients, store) = order.split_once(' ').context("an order is too short")?;
        let clients = clients.parse()?;
        let subject = subjects.get(store).context("there is no such store")?;
        clients::run(clients, LEAD_IN, Work::DepositAnywhere.call(subject)).await?;
        let before = processor_time()?;
        let figures = clients::run(clients, SLICE, Work::DepositAnywhere.call(subject)).await?;
        let processor = processor_time()?.saturating_sub(before);
        let Figures { calls, per_second, p50, p99 } = figures;
        let [p50, p99, processor] = [p50, p99, processor].map(|time| time.as_nanos());
        println!("{calls} {per_second} {p50} {p99} {processor}");
    }
    if let Some(running) = running {
        running.shut_down();
    }
    Ok(())
}

/// What this process has taken of the processors, in its threads and in the system for it.
fn processor_time() -> anyhow::Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ProcessCPUTime))?)
}

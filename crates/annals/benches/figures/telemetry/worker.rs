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

use super::collector::Collector;
use crate::clients::{self, Figures};
use crate::store::Annals;
use crate::subject::Subject;
use crate::{Work, database, fill};

/// What a process tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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

    /// Has so many clients make deposits on a store.
    pub(super) fn run(
        &mut self,
        store: &str,
        clients: usize,
        seconds: f64,
    ) -> anyhow::Result<Figures> {
        writeln!(self.orders, "{clients} {seconds} {store}")?;
        let line = self.line()?;
        let words: Vec<&str> = line.split(' ').collect();
        let [calls, per_second, p50, p99] = words.as_slice() else {
            anyhow::bail!("a worker has failed: {line}");
        };
        Ok(Figures {
            calls: calls.parse()?,
            per_second: per_second.parse()?,
            p50: Duration::from_nanos(p50.parse()?),
            p99: Duration::from_nanos(p99.parse()?),
        })
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
        let mut words = order.splitn(3, ' ');
        let mut next = || words.next().context("an order is too short");
        let (clients, seconds) = (next()?.parse()?, next()?.parse()?);
        let subject = subjects.get(next()?).context("there is no such store")?;
        let time = Duration::from_secs_f64(seconds);
        let figures = clients::run(clients, time, Work::DepositAnywhere.call(subject)).await?;
        let Figures { calls, per_second, p50, p99 } = figures;
        println!("{calls} {per_second} {} {}", p50.as_nanos(), p99.as_nanos());
    }
    if let Some(running) = running {
        running.shut_down();
    }
    Ok(())
}

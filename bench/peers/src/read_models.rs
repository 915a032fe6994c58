//! Read models: how fast each peer builds one, and how soon it shows what was acknowledged.
//!
//! All have the same events, and the same table is asked in the same way. What a peer writes
//! before it acknowledges is shown at once, and is part of how long its commands take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::Arguments;
use crate::clients::{self, Figures, account_id};
use crate::database;
use crate::figures::{Figure, Table};
use crate::peer::{NAMES, Name, Peer, ReadModel};

/// Accounts, and the events of each. They are written in turn, as accounts are used: what belongs
/// to one does not stand together.
const ACCOUNTS: usize = 5_000;
const ACCOUNT_EVENTS: u64 = 10;

/// What all accounts have when the log is filled: they are opened with nothing in them.
const TOTAL: i64 = 5_000 * 9 * 100;

const REBUILD: &str = "rebuild";

/// Commands in a second, with the names of their rows.
const VISIBLE: [(u32, &str, &str); 2] = [
    (10, "10 commands/s, acknowledged", "10 commands/s, then visible"),
    (200, "200 commands/s, acknowledged", "200 commands/s, then visible"),
];

/// Calls that are measured at each rate, for each second of a measurement: enough to speak of a
/// hundredth.
const CALLS_PER_SECOND: f64 = 100.0;

/// A peer with its read model, and how often each account was paid into meanwhile.
struct Contender {
    name: Name,
    model: Arc<dyn ReadModel>,
    deposits: Vec<i64>,
    next: usize,
}

/// Whether any row is wanted.
pub(crate) fn is_wanted(arguments: &Arguments) -> bool {
    let rows = VISIBLE.iter().flat_map(|(_, acknowledged, visible)| [*acknowledged, *visible]);
    rows.chain([REBUILD]).any(|row| row.contains(&arguments.only))
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Table> {
    let mut contenders = Vec::new();
    for name in NAMES.iter().copied().filter(|name| name.is_wanted(arguments)) {
        let Some(database) = name.read_model_database() else { continue };
        let url = database::create(&arguments.url, database).await?;
        match open(name, &url).await {
            Ok(model) => {
                contenders.push(Contender { name, model, deposits: vec![0; ACCOUNTS], next: 0 });
            }
            // An old server, say, that one of them does not work with.
            Err(error) if !name.is_ours() => eprintln!("{} is left out: {error:#}", name.text()),
            Err(error) => return Err(error.context(name.text())),
        }
    }
    let columns: Vec<_> = contenders.iter().map(|contender| contender.name.text()).collect();
    let mut table = Table::new(&columns);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for contender in &mut contenders {
            if let Err(error) = contender.measure(arguments, &mut table).await {
                let name = contender.name;
                ensure!(!name.is_ours(), error.context(name.text()));
                eprintln!("{}: {error:#}", name.text());
            }
        }
    }
    let databases: Vec<_> = contenders.iter().map(|each| each.name.read_model_database()).collect();
    drop(contenders);
    for database in databases.into_iter().flatten() {
        database::remove(&arguments.url, database).await?;
    }
    Ok(table)
}

/// Opens a peer in an empty database and fills its log.
async fn open(name: Name, url: &str) -> anyhow::Result<Arc<dyn ReadModel>> {
    let (peer, model) = name.open_read_model(url).await?;
    fill(&peer).await?;
    eprintln!("{} is filled", name.text());
    Ok(model)
}

async fn fill(peer: &Arc<dyn Peer>) -> anyhow::Result<()> {
    for after in 0..ACCOUNT_EVENTS {
        let peer = Arc::clone(peer);
        let append = move |number, _| {
            let peer = Arc::clone(&peer);
            Box::pin(async move { peer.append(account_id(number), after, 1).await }) as _
        };
        clients::run_once_each(ACCOUNTS, Arc::new(append)).await?;
    }
    Ok(())
}

impl Contender {
    async fn measure(&mut self, arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
        let column = self.name.text();
        // Always: it is what there is to keep up to date.
        let start = Instant::now();
        self.model.rebuild().await.context(REBUILD)?;
        let time = start.elapsed();
        let deposits: i64 = self.deposits.iter().sum();
        let (total, expected) = (self.model.balances().total().await?, TOTAL + deposits * 100);
        ensure!(total == expected, "{total} in all accounts instead of {expected}");
        if REBUILD.contains(&arguments.only) {
            let events = ACCOUNTS as u64 * ACCOUNT_EVENTS + u64::try_from(deposits)?;
            table.add(REBUILD, column, Figure::events_per_second(events, time));
        }
        for (rate, acknowledged, visible) in VISIBLE {
            if acknowledged.contains(&arguments.only) || visible.contains(&arguments.only) {
                let calls = (CALLS_PER_SECOND * arguments.seconds).max(f64::from(rate));
                let figures = self.kept(rate, calls).await.context(visible)?;
                table.add(acknowledged, column, Figure::Rate(figures.0));
                table.add(visible, column, Figure::Rate(figures.1));
            }
        }
        Ok(())
    }

    /// Executes so many commands in a second while the read model is kept up to date.
    async fn kept(&mut self, rate: u32, calls: f64) -> anyhow::Result<(Figures, Figures)> {
        let (end, ended) = oneshot::channel();
        let keeping = tokio::spawn(self.model.keep(ended));
        // Not measured: whatever has to begin.
        let (account, balance) = self.next_account();
        pay(&self.model, account, balance).await?;
        let mut tasks = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        // What was missed is not made up for at once: the rate is what is asked for, or less.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (start, time) = (Instant::now(), Duration::from_secs_f64(calls / f64::from(rate)));
        while start.elapsed() < time {
            ticks.tick().await;
            let (account, balance) = self.next_account();
            let model = Arc::clone(&self.model);
            tasks.spawn(async move { pay(&model, account, balance).await });
        }
        let elapsed = start.elapsed();
        let mut all = [(); 2].map(|()| Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3));
        while let Some(task) = tasks.join_next().await {
            let times: (Duration, Duration) = task??;
            for (histogram, time) in all.iter_mut().zip([times.0, times.1]) {
                let Ok(histogram) = histogram else { continue };
                histogram.saturating_record(u64::try_from(time.as_nanos())?);
            }
        }
        drop(end);
        keeping.await??;
        let [acknowledged, visible] = all;
        Ok((figures(&acknowledged?, elapsed), figures(&visible?, elapsed)))
    }

    /// The accounts in turn, so that no two commands that are under way are about the same.
    fn next_account(&mut self) -> (usize, i64) {
        self.next = (self.next + 1) % ACCOUNTS;
        let deposits = self.deposits.get_mut(self.next).expect("it is below the number of them");
        *deposits += 1;
        (self.next, (9 + *deposits) * 100)
    }
}

/// How long it took until a deposit was acknowledged, and from then until it was shown.
async fn pay(
    model: &Arc<dyn ReadModel>,
    account: usize,
    balance: i64,
) -> anyhow::Result<(Duration, Duration)> {
    let id = account_id(account);
    let start = Instant::now();
    model.deposit(id.clone()).await?;
    let acknowledged = Instant::now();
    model.balances().shows(&id, balance).await?;
    Ok((acknowledged - start, acknowledged.elapsed()))
}

fn figures(all: &Histogram<u64>, elapsed: Duration) -> Figures {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = all.len() as f64 / elapsed.as_secs_f64();
    let at = |quantile| Duration::from_nanos(all.value_at_quantile(quantile));
    Figures { calls: all.len(), per_second, p50: at(0.50), p99: at(0.99) }
}

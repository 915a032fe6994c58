//! The rounds: each row for one peer after the other, so that a machine that gets slower meanwhile
//! slows all alike.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;

use crate::Arguments;
use crate::clients::{self, account_id};
use crate::limit::Limit;
use crate::peer::{NAMES, Name, Peer};
use crate::scenario::{
    ACCOUNT_EVENTS, ACCOUNTS, Kind, LONG_STREAM, LONG_STREAM_EVENTS, SCENARIOS, Scenario, Work,
};
use crate::table::Table;
use crate::{database, flush};

/// Loads of a round.
const LOADS: usize = 10;

/// Scans that may miss something, and the pause after each.
const SCANS_MAX: usize = 5;
const SCAN_PAUSE: Duration = Duration::from_secs(1);

/// Most events of an append, while the long stream is filled.
const APPEND_EVENTS: u64 = 1_000;

/// Not measured, before each measurement: opens connections that were not used for a while.
const WARM_UP: Duration = Duration::from_millis(100);

/// The database of the limits.
const LIMIT: &str = "annals_bench_limit";

/// One peer with one size of its pool.
struct Contender {
    name: Name,
    pool: u32,
    is_first_pool: bool,
    peer: Arc<dyn Peer>,
}

/// Whether any row is wanted.
pub(crate) fn is_wanted(arguments: &Arguments) -> bool {
    SCENARIOS.iter().any(|row| row.name.contains(&arguments.only))
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Table> {
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    #[cfg(feature = "umadb")]
    let umadb = crate::peer::UmaDbServer::start(folder.path())?;
    #[cfg(feature = "umadb")]
    let umadb_url = umadb.url.as_str();
    #[cfg(not(feature = "umadb"))]
    let umadb_url = "";
    let (mut contenders, mut columns) = (Vec::new(), Vec::new());
    for name in wanted(arguments) {
        let url = match name.is_server() {
            true => umadb_url.to_owned(),
            false => database::create(&arguments.url, name.database()).await?,
        };
        match open(name, &url).await {
            Ok(opened) => {
                contenders.extend(opened);
                columns.push(name);
            }
            // An old server, say, that one of them does not work with.
            Err(error) if !name.is_ours() => eprintln!("{} is left out: {error:#}", name.text()),
            Err(error) => return Err(error.context(name.text())),
        }
    }
    let limit = Limit::open(&database::create(&arguments.url, LIMIT).await?).await?;
    let mut table = Table::new(columns);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        table.add_flush(flush::median(folder.path())?);
        measure_limits(arguments, &limit, &mut table).await?;
        for scenario in SCENARIOS.iter().filter(|row| row.name.contains(&arguments.only)) {
            for contender in &contenders {
                measure_one(arguments, scenario, contender, &mut table)
                    .await
                    .with_context(|| format!("{}, {}", scenario.name, contender.name.text()))?;
            }
        }
        table.add_flush(flush::median(folder.path())?);
    }
    drop((contenders, limit));
    for name in wanted(arguments).filter(|name| !name.is_server()) {
        database::remove(&arguments.url, name.database()).await?;
    }
    database::remove(&arguments.url, LIMIT).await?;
    Ok(table)
}

fn wanted(arguments: &Arguments) -> impl Iterator<Item = Name> {
    NAMES.iter().copied().filter(|name| name.is_wanted(arguments))
}

/// Opens a peer, sees it keep its promise, and fills it.
async fn open(name: Name, url: &str) -> anyhow::Result<Vec<Contender>> {
    let pools = name.open(url).await?;
    let (_, peer) = pools.first().context("nothing was opened")?;
    let start = Instant::now();
    check_races(peer).await?;
    fill(peer).await?;
    eprintln!("{} is filled after {:.1} s", name.text(), start.elapsed().as_secs_f64());
    let contender =
        |(index, (pool, peer))| Contender { name, pool, is_first_pool: index == 0, peer };
    Ok(pools.into_iter().enumerate().map(contender).collect())
}

/// Of many that open the same account, exactly one must be told that it did. A peer that checks
/// too late, or not at all, is not compared with those who do.
async fn check_races(peer: &Arc<dyn Peer>) -> anyhow::Result<()> {
    const RACERS: usize = 16;
    const RACES: usize = 20;
    for race in 0..RACES {
        let id = account_id(ACCOUNTS + race);
        let racers = (0..RACERS).map(|_| {
            let (peer, id) = (Arc::clone(peer), id.clone());
            tokio::spawn(async move { peer.open(id).await })
        });
        let mut winners = 0;
        for opened in try_join_all(racers).await? {
            winners += usize::from(opened?);
        }
        ensure!(winners == 1, "{winners} of {RACERS} racers won");
    }
    let events = peer.count().await?;
    ensure!(events == RACES as u64, "{RACES} races left {events} events");
    Ok(())
}

async fn fill(peer: &Arc<dyn Peer>) -> anyhow::Result<()> {
    let each = Arc::clone(peer);
    let fill = move |number, _| {
        let peer = Arc::clone(&each);
        Box::pin(async move {
            peer.append(account_id(number), 0, ACCOUNT_EVENTS).await?;
            peer.warm(account_id(number)).await
        }) as _
    };
    clients::run_once_each(ACCOUNTS, Arc::new(fill)).await?;
    for part in 0..LONG_STREAM_EVENTS / APPEND_EVENTS {
        peer.append(LONG_STREAM.to_owned(), part * APPEND_EVENTS, APPEND_EVENTS).await?;
    }
    if let Some(load) = peer.load_from_snapshot(LONG_STREAM.to_owned()) {
        load.await?;
    }
    let expected = i64::try_from(LONG_STREAM_EVENTS - 1)? * 100;
    let balance = peer.load(LONG_STREAM.to_owned()).await?;
    ensure!(balance == expected, "the long stream has the balance {balance} instead of {expected}");
    Ok(())
}

async fn measure_limits(
    arguments: &Arguments,
    limit: &Arc<Limit>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let time = Duration::from_secs_f64(arguments.seconds);
    for clients in [1, 16, 64, 256] {
        limit.inserts(clients, WARM_UP).await?;
        table.add_inserts(clients, limit.inserts(clients, time).await?);
    }
    table.add_copy(limit.copy().await?);
    Ok(())
}

async fn measure_one(
    arguments: &Arguments,
    scenario: &Scenario,
    contender: &Contender,
    table: &mut Table,
) -> anyhow::Result<()> {
    let figure = match scenario.kind {
        Kind::Clients { clients, work } => Some(rate(arguments, contender, clients, work).await?),
        // Made by one call after the other, for which the size of the pool means nothing.
        _ if !contender.is_first_pool => None,
        Kind::Load => Some(median_time(|| contender.peer.load(LONG_STREAM.to_owned())).await?),
        Kind::LoadFromSnapshot => {
            let load = || contender.peer.load_from_snapshot(LONG_STREAM.to_owned());
            match load() {
                Some(_) => Some(median_time(|| load().expect("there was one a moment ago")).await?),
                None => None,
            }
        }
        Kind::Scan => scan(contender).await?,
    };
    if let Some(figure) = figure {
        table.add(scenario.name, contender.name, contender.pool, figure);
    }
    Ok(())
}

/// Events per second. Every event that was acknowledged must be there afterwards, and no other.
async fn rate(
    arguments: &Arguments,
    contender: &Contender,
    clients: usize,
    work: Work,
) -> anyhow::Result<f64> {
    let peer = &contender.peer;
    clients::run(clients, WARM_UP, work.call(peer)).await?;
    let before = peer.count().await?;
    let time = Duration::from_secs_f64(arguments.seconds);
    let figures = clients::run(clients, time, work.call(peer)).await?;
    let (written, acknowledged) = (peer.count().await? - before, figures.calls * work.events());
    ensure!(written == acknowledged, "{acknowledged} acknowledged, {written} written");
    Ok(figures.per_second * f64::from(u32::try_from(work.events())?))
}

/// Events per second of reading everything there is; nothing from a peer that does not show
/// everything.
///
/// Some hide what is newest for as long as any transaction is open on the server, which is
/// waited for.
async fn scan(contender: &Contender) -> anyhow::Result<Option<f64>> {
    let count = contender.peer.count().await?;
    for _ in 0..SCANS_MAX {
        let start = Instant::now();
        let events = contender.peer.scan().await?;
        let seconds = start.elapsed().as_secs_f64();
        if events == count {
            return Ok(Some(f64::from(u32::try_from(events)?) / seconds));
        }
        let name = contender.name.text();
        eprintln!("{name} shows {events} of {count} events");
        tokio::time::sleep(SCAN_PAUSE).await;
    }
    Ok(None)
}

/// The median of some calls, in microseconds.
async fn median_time<L: Future<Output = anyhow::Result<i64>>>(
    load: impl Fn() -> L,
) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(LOADS);
    for _ in 0..LOADS {
        let start = Instant::now();
        std::hint::black_box(load().await?);
        times.push(start.elapsed());
    }
    times.sort();
    let median = times.get(LOADS / 2).context("nothing was loaded")?;
    Ok(median.as_secs_f64() * 1e6)
}

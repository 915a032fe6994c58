//! Clients that each send one command after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::subject::Subject;

/// What some clients got done.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Finished calls per second, times the events of each.
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// What each client does, over and over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// A deposit to any of the accounts.
    DepositAnywhere { accounts: usize },
    /// A deposit to the same account.
    DepositToOne,
    /// An append of many events to a stream of the client's own.
    Append { events: usize },
}

impl Work {
    fn events(self) -> usize {
        match self {
            Self::Append { events } => events,
            Self::DepositAnywhere { .. } | Self::DepositToOne => 1,
        }
    }

    async fn run_once(self, subject: &Subject, client: usize, random: u64) -> anyhow::Result<()> {
        match self {
            Self::DepositAnywhere { accounts } => {
                let account = usize::try_from(random % accounts as u64)?;
                subject.deposit(account_id(account)).await
            }
            Self::DepositToOne => subject.deposit(account_id(0)).await,
            Self::Append { events } => {
                subject.append(format!("batch-{events}-{client}"), events).await
            }
        }
    }
}

pub(crate) fn account_id(number: usize) -> String {
    format!("a1b2c3d4-0000-4000-8000-{number:012}")
}

/// Opens accounts 0 to `accounts`, many at a time.
pub(crate) async fn open_accounts(subject: &Subject, accounts: usize) -> anyhow::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..256 {
        let subject = subject.clone();
        tasks.spawn(async move {
            for number in (client..accounts).step_by(256) {
                subject.open_account(account_id(number)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

/// Lets `clients` clients work for `time`.
pub(crate) async fn run(
    subject: &Subject,
    clients: usize,
    work: Work,
    time: Duration,
) -> anyhow::Result<Figures> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    let start = Instant::now();
    for client in 0..clients {
        let (subject, is_over) = (subject.clone(), Arc::clone(&is_over));
        tasks.spawn(async move { one_client(&subject, client, work, &is_over).await });
    }
    tokio::time::sleep(time).await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = histogram()?;
    while let Some(task) = tasks.join_next().await {
        all.add(task??)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = (all.len() * work.events() as u64) as f64 / seconds;
    let at = |quantile| Duration::from_nanos(all.value_at_quantile(quantile));
    Ok(Figures { per_second, p50: at(0.50), p99: at(0.99) })
}

async fn one_client(
    subject: &Subject,
    client: usize,
    work: Work,
    is_over: &AtomicBool,
) -> anyhow::Result<Histogram<u64>> {
    let mut times = histogram()?;
    let mut random = client as u64 + 1;
    while !is_over.load(Ordering::Relaxed) {
        random = next_random(random);
        let start = Instant::now();
        work.run_once(subject, client, random >> 16).await?;
        times.saturating_record(u64::try_from(start.elapsed().as_nanos())?);
        // A store in memory never waits, and a task that never waits starves the timer.
        tokio::task::consume_budget().await;
    }
    Ok(times)
}

/// A linear congruential step (Knuth, MMIX): cheap, and the same for every subject.
fn next_random(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Nanoseconds up to a minute, three digits.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

//! Clients that each make one call after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals::BoxFuture;
use hdrhistogram::Histogram;

/// What some clients got done.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Finished calls.
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// What a client does over and over, given its number and a random one.
pub(crate) type Call =
    Arc<dyn Fn(usize, u64) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

pub(crate) fn account_id(number: usize) -> String {
    format!("a1b2c3d4-0000-4000-8000-{number:012}")
}

/// Lets `clients` clients work for `time`.
pub(crate) async fn run(clients: usize, time: Duration, call: Call) -> anyhow::Result<Figures> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    let start = Instant::now();
    for client in 0..clients {
        let (call, is_over) = (Arc::clone(&call), Arc::clone(&is_over));
        tasks.spawn(async move { one_client(client, &call, &is_over).await });
    }
    tokio::time::sleep(time).await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = histogram()?;
    while let Some(task) = tasks.join_next().await {
        all.add(task??)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = all.len() as f64 / seconds;
    let at = |quantile| Duration::from_nanos(all.value_at_quantile(quantile));
    Ok(Figures { calls: all.len(), per_second, p50: at(0.50), p99: at(0.99) })
}

async fn one_client(
    client: usize,
    call: &Call,
    is_over: &AtomicBool,
) -> anyhow::Result<Histogram<u64>> {
    let mut times = histogram()?;
    let mut random = client as u64 + 1;
    while !is_over.load(Ordering::Relaxed) {
        random = next_random(random);
        let start = Instant::now();
        call(client, random >> 16).await?;
        times.saturating_record(u64::try_from(start.elapsed().as_nanos())?);
        // A store in memory never waits, and a task that never waits starves the timer.
        tokio::task::consume_budget().await;
    }
    Ok(times)
}

/// Makes a call once for each number up to `count`, many at a time.
pub(crate) async fn run_once_each(count: usize, call: Call) -> anyhow::Result<()> {
    const AT_ONCE: usize = 256;
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..AT_ONCE {
        let call = Arc::clone(&call);
        tasks.spawn(async move {
            for number in (client..count).step_by(AT_ONCE) {
                call(number, 0).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

/// A linear congruential step (Knuth, MMIX): cheap, and the same for every subject.
fn next_random(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Nanoseconds up to a minute, three digits.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

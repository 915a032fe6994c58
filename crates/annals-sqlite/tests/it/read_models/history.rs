//! A history of balances that is known at every position.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_core::{
    ApplyError, Claim, GenerationKey, Hosts, Lease, Leases, Position, ReadModelsError, WorkerId,
    WorkerReport,
};
use annals_sqlite::SqliteReadModels;

use super::scene::{Balances, Sums, TTL, advance, at, balances, sums};

/// Each event adds its position to one of seven accounts and one to "all".
pub(crate) fn changes(from: u64, to: u64) -> Sums {
    let mut changes = sums(&[]);
    for position in from + 1..=to {
        let cents = i64::try_from(position).unwrap();
        *changes.cents.entry(format!("account-{}", position % 7)).or_default() += cents;
        *changes.cents.entry("all".to_owned()).or_default() += 1;
    }
    changes
}

/// Claims everything as a new worker.
pub(crate) async fn claim(
    models: &SqliteReadModels,
    generation: &GenerationKey,
) -> Result<Vec<Lease>, ReadModelsError> {
    let (generation, worker) = (generation.clone(), WorkerId::new());
    models.claim(Claim { generation, worker, ttl: TTL, report: WorkerReport::default() }).await
}

/// Applies the next `count` events; where that ends.
pub(crate) async fn go_on(
    models: &SqliteReadModels,
    leases: &mut [Lease],
    count: u64,
) -> Result<u64, ApplyError> {
    let from = leases[0].checkpoint.position.get();
    let to = at(from + count);
    let changes = Arc::new(changes(from, from + count));
    models.apply(Arc::new(Balances), changes, advance(leases, to)).await?;
    for lease in leases {
        lease.checkpoint = to;
    }
    Ok(from + count)
}

/// The rows of the serving generation are those of its checkpoint: nothing is missing, nothing is
/// doubled.
pub(crate) async fn assert_rows_fit(models: &SqliteReadModels) -> Position {
    let seen = models.read("balances", |tables| Ok(balances(tables)?)).await.unwrap();
    let expected: BTreeMap<String, i64> = changes(0, seen.position.get()).cents;
    assert_eq!(seen.value, expected, "at position {}", seen.position);
    seen.position
}

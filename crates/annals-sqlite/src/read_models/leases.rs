//! Who works on which partition.

use annals_core::{
    BoxFuture, Claim, GenerationKey, Lease, Leases, Partition, ReadModelsError, WorkerId,
};
use rusqlite::{Connection, Row, TransactionBehavior};

use super::fault::Fault;
use super::readers::Reader;
use super::{SqliteReadModels, catalog, generation_file, row};

impl Leases for SqliteReadModels {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Vec<Lease>, ReadModelsError>> {
        let now = row::micros(self.clock.now());
        Box::pin(async move {
            let key = claim.generation.clone();
            let claimed = async {
                // A generation whose file could not be closed for writing is missing here at least.
                let wanted = key.clone();
                let find = move |reader: &Reader| catalog::find(reader.catalog(), &wanted);
                self.lookups.run(find).await?;
                self.write(&key, move |file| self::claim(file, &claim, now)).await
            };
            let claimed = claimed.await.map_err(ReadModelsError::from);
            if matches!(claimed, Err(ReadModelsError::NotFound { .. })) {
                self.dismiss(&key).await;
            }
            claimed
        })
    }

    fn release(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            match self.write(&key, move |file| release(file, worker)).await {
                // There is nothing left to give back.
                Err(Fault::Told(ReadModelsError::NotFound { .. })) => Ok(()),
                released => Ok(released?),
            }
        })
    }
}

fn claim(file: &mut Connection, claim: &Claim, now: i64) -> Result<Vec<Lease>, Fault> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if generation_file::is_retired(&transaction)? {
        return Err(Fault::not_found(claim.generation.to_string()));
    }
    let (worker, ttl) = (claim.worker.as_uuid().as_bytes(), row::span_micros(claim.ttl));
    let until = now.saturating_add(ttl);
    let rate = Some(claim.report.events_per_second).filter(|rate| rate.is_finite()).unwrap_or(0.0);
    let error = &claim.report.last_error;
    let execute = |sql: &str, columns: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<usize> {
        transaction.prepare_cached(sql)?.execute(columns)
    };
    execute(include_str!("../sql/read_models/worker_forget_silent.sql"), &[&now])?;
    execute(include_str!("../sql/read_models/lease_end_silent.sql"), &[&now])?;
    execute(include_str!("../sql/read_models/worker_heard.sql"), &[worker, &ttl, &until])?;
    let share: i64 = transaction
        .prepare_cached(include_str!("../sql/read_models/worker_share.sql"))?
        .query_row([], |row| row.get(0))?;
    execute(include_str!("../sql/read_models/lease_give_back_above.sql"), &[worker, &share])?;
    execute(
        include_str!("../sql/read_models/lease_renew.sql"),
        &[worker, &ttl, &until, &rate, error],
    )?;
    execute(
        include_str!("../sql/read_models/lease_take_below.sql"),
        &[worker, &ttl, &until, &rate, error, &share],
    )?;
    let leases = leases_of(&transaction, claim)?;
    transaction.commit()?;
    Ok(leases)
}

fn leases_of(file: &Connection, claim: &Claim) -> rusqlite::Result<Vec<Lease>> {
    let lease = |row: &Row<'_>| {
        Ok(Lease {
            generation: claim.generation.clone(),
            partition: Partition::new(row.get(0)?),
            worker: claim.worker,
            fencing_token: row::count(row, 1)?,
            checkpoint: row::checkpoint(row, 2)?,
        })
    };
    file.prepare_cached(include_str!("../sql/read_models/lease_list.sql"))?
        .query_map([claim.worker.as_uuid().as_bytes()], lease)?
        .collect()
}

fn release(file: &mut Connection, worker: WorkerId) -> Result<(), Fault> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let worker = worker.as_uuid().as_bytes();
    transaction
        .prepare_cached(include_str!("../sql/read_models/lease_release.sql"))?
        .execute([worker])?;
    transaction
        .prepare_cached(include_str!("../sql/read_models/worker_forget.sql"))?
        .execute([worker])?;
    transaction.commit()?;
    Ok(())
}

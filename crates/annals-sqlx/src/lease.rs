//! Who works on which partition.

use annals_core::{
    BoxFuture, Claim, GenerationKey, Lease, Leases, Partition, ReadModelsError, WorkerId,
};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::generation::no_generation;
use crate::pool::Begin;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::sql_state::unavailable;

/// partition, fencing token, position, event
type LeaseRow = (i32, i64, i64, Option<Uuid>);

impl PostgresReadModels {
    /// Waits for no other worker: whoever writes a batch holds its partitions for as long as that
    /// takes, and a claim that waited for it would let other leases end.
    async fn claim_share(&self, claim: &Claim) -> Result<Vec<Lease>, ReadModelsError> {
        let (key, worker) = (&claim.generation, claim.worker);
        let ttl_us = row::column(claim.ttl.as_micros());
        let mut work = self.begin(Begin::Work, None).await.map_err(unavailable)?;
        let heard = sqlx::query(include_str!("sql/hear_worker.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .bind(worker.as_uuid())
            .bind(ttl_us)
            .execute(&mut *work)
            .await
            .map_err(unavailable)?;
        if heard.rows_affected() == 0 {
            return Err(no_generation(key));
        }
        sqlx::query(include_str!("sql/claim.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .bind(worker.as_uuid())
            .bind(ttl_us)
            .bind(claim.report.events_per_second)
            .bind(claim.report.last_error.as_deref().map(row::error_text))
            .execute(&mut *work)
            .await
            .map_err(unavailable)?;
        // A statement of its own: it sees what has been committed since the claim began.
        let leases = read_leases(&mut work, key, worker).await.map_err(unavailable)?;
        work.commit().await.map_err(unavailable)?;
        Ok(leases)
    }

    async fn give_back(
        &self,
        key: &GenerationKey,
        worker: WorkerId,
    ) -> Result<(), ReadModelsError> {
        let mut work = self.begin(Begin::Work, None).await.map_err(unavailable)?;
        for statement in
            [include_str!("sql/release_partitions.sql"), include_str!("sql/forget_worker.sql")]
        {
            sqlx::query(statement)
                .bind(&key.projection)
                .bind(i64::from(key.number))
                .bind(worker.as_uuid())
                .execute(&mut *work)
                .await
                .map_err(unavailable)?;
        }
        work.commit().await.map_err(unavailable)
    }
}

async fn read_leases(
    connection: &mut PgConnection,
    key: &GenerationKey,
    worker: WorkerId,
) -> Result<Vec<Lease>, sqlx::Error> {
    let rows: Vec<LeaseRow> = sqlx::query_as(include_str!("sql/leases.sql"))
        .bind(&key.projection)
        .bind(i64::from(key.number))
        .bind(worker.as_uuid())
        .fetch_all(connection)
        .await?;
    let lease = |(partition, token, position, event_id): LeaseRow| {
        Ok(Lease {
            generation: key.clone(),
            partition: row::partition(partition)?,
            worker,
            fencing_token: row::number(token)?,
            checkpoint: row::checkpoint(position, event_id)?,
        })
    };
    rows.into_iter().map(lease).collect()
}

/// The number of a partition, for a column.
pub(crate) fn partition_column(partition: Partition) -> i32 {
    i32::from(partition.get())
}

impl Leases for PostgresReadModels {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Vec<Lease>, ReadModelsError>> {
        Box::pin(async move { self.in_time(self.claim_share(&claim)).await })
    }

    fn release(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move { self.in_time(self.give_back(&key, worker)).await })
    }
}

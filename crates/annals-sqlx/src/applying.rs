//! Writing changes and moving checkpoints, in one transaction.

use std::future::Future;

use annals_core::{Advance, ApplyError, Lease};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::lease::partition_column;
use crate::panic::caught;
use crate::pool::Begin;
use crate::projection::PostgresProjection;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::schema::Schema;
use crate::sql_state::{Meaning, not_applied, rejected};

/// Why changes were not written, and whether to believe it.
pub(crate) struct NotApplied {
    error: ApplyError,
    is_doubtful: bool,
}

impl From<ApplyError> for NotApplied {
    fn from(error: ApplyError) -> Self {
        Self { error, is_doubtful: false }
    }
}

impl PostgresReadModels {
    pub(crate) async fn write_and_advance<P: PostgresProjection>(
        &self,
        projection: &P,
        changes: &P::Changes,
        advance: &Advance,
    ) -> Result<(), ApplyError> {
        let attempt = || self.try_advance(projection, changes, advance);
        self.make_sure(attempt().await, attempt()).await
    }

    /// Tries once more, on a connection that remembers nothing, if the outcome is doubtful.
    pub(crate) async fn make_sure(
        &self,
        outcome: Result<(), NotApplied>,
        again: impl Future<Output = Result<(), NotApplied>>,
    ) -> Result<(), ApplyError> {
        let outcome = match outcome {
            Err(NotApplied { is_doubtful: true, .. }) => {
                self.renew_connections();
                again.await
            }
            outcome => outcome,
        };
        outcome.map_err(|failed| failed.error)
    }

    async fn try_advance<P: PostgresProjection>(
        &self,
        projection: &P,
        changes: &P::Changes,
        advance: &Advance,
    ) -> Result<(), NotApplied> {
        let Some(first) = advance.leases.first() else { return Ok(()) };
        let schema = schema_of(first)?;
        let _permit = self.long_work().await.map_err(not_applied)?;
        let mut work = self.begin(Begin::Work, Some(&schema)).await.map_err(not_applied)?;
        lock_leases(&mut work, first, &advance.leases).await?;
        queue_events(&mut work, first, advance).await?;
        write(&mut work, projection, changes).await?;
        move_partitions(&mut work, first, advance).await?;
        work.commit().await.map_err(not_applied)?;
        Ok(())
    }
}

/// The schema of the tables that a lease gives a right to.
pub(crate) fn schema_of(lease: &Lease) -> Result<Schema, ApplyError> {
    // No generation can have such a name, so nobody can hold a lease on it.
    Schema::of(&lease.generation).map_err(|_| ApplyError::Fenced)
}

/// Has the user's code write what a number of events changes.
pub(crate) async fn write<P: PostgresProjection>(
    connection: &mut PgConnection,
    projection: &P,
    changes: &P::Changes,
) -> Result<(), NotApplied> {
    let written = caught(async { projection.write(connection, changes).await }).await;
    written.map_err(|source| {
        let (error, meaning) = rejected(source);
        NotApplied { error, is_doubtful: meaning == Meaning::Doubtful }
    })
}

/// Locks the partitions, if they all are as the leases say. Before anything is written: what a
/// former owner writes might be refused as written twice, and taken for the fault of an event.
async fn lock_leases(
    connection: &mut PgConnection,
    first: &Lease,
    leases: &[Lease],
) -> Result<(), ApplyError> {
    let is_of_one =
        |lease: &Lease| (&lease.generation, lease.worker) == (&first.generation, first.worker);
    if !leases.iter().all(is_of_one) {
        return Err(ApplyError::Fenced);
    }
    let positions: Vec<i64> = leases.iter().map(|l| l.checkpoint.position.as_i64()).collect();
    let event_ids: Vec<Option<Uuid>> =
        leases.iter().map(|l| row::event_id(&l.checkpoint)).collect();
    let tokens: Vec<i64> = leases.iter().map(|l| row::column(l.fencing_token)).collect();
    let locked = sqlx::query(include_str!("sql/lock_leases.sql"))
        .bind(&first.generation.projection)
        .bind(i64::from(first.generation.number))
        .bind(first.worker.as_uuid())
        .bind(partitions(leases))
        .bind(tokens)
        .bind(positions)
        .bind(event_ids)
        .execute(connection)
        .await
        .map_err(not_applied)?;
    expect_rows(locked.rows_affected(), leases.len())
}

fn partitions(leases: &[Lease]) -> Vec<i32> {
    leases.iter().map(|lease| partition_column(lease.partition)).collect()
}

/// Things are not as the worker thinks, unless a statement concerned as many rows as it was given.
fn expect_rows(rows: u64, expected: usize) -> Result<(), ApplyError> {
    if usize::try_from(rows) == Ok(expected) { Ok(()) } else { Err(ApplyError::Fenced) }
}

async fn queue_events(
    connection: &mut PgConnection,
    first: &Lease,
    advance: &Advance,
) -> Result<(), ApplyError> {
    if advance.queued.is_empty() {
        return Ok(());
    }
    let letters: Vec<Uuid> = advance.queued.iter().map(|event| *event.letter.as_uuid()).collect();
    let positions: Vec<i64> = advance.queued.iter().map(|e| e.position.as_i64()).collect();
    let event_types: Vec<&str> = advance.queued.iter().map(|e| e.event_type.as_str()).collect();
    let queued = sqlx::query(include_str!("sql/queue_events.sql"))
        .bind(&first.generation.projection)
        .bind(i64::from(first.generation.number))
        .bind(letters)
        .bind(positions)
        .bind(event_types)
        .execute(connection)
        .await
        .map_err(not_applied)?;
    expect_rows(queued.rows_affected(), advance.queued.len())
}

/// Moves the checkpoints. After the writing, so that the leases are counted from its end, and so
/// that a transaction that an error hidden by the user's code has ended is noticed: its commit
/// would say nothing.
async fn move_partitions(
    connection: &mut PgConnection,
    first: &Lease,
    advance: &Advance,
) -> Result<(), ApplyError> {
    let applied = advance.applied.iter().copied().map(row::column).chain(std::iter::repeat(0));
    let applied: Vec<i64> = applied.take(advance.leases.len()).collect();
    let moved = sqlx::query(include_str!("sql/advance.sql"))
        .bind(&first.generation.projection)
        .bind(i64::from(first.generation.number))
        .bind(partitions(&advance.leases))
        .bind(applied)
        .bind(advance.to.position.as_i64())
        .bind(row::event_id(&advance.to))
        .execute(connection)
        .await
        .map_err(not_applied)?;
    expect_rows(moved.rows_affected(), advance.leases.len())
}

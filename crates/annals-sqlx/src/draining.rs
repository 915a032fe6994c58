//! Streams that stand still, and how they flow again.

use annals_core::{ApplyError, DeadLetter, DeadLetterId, DeadLetterRequest, Drain, Lease};
use sqlx::postgres::PgConnection;

use crate::applying::{NotApplied, schema_of, write};
use crate::lease::partition_column;
use crate::pool::Begin;
use crate::projection::PostgresProjection;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::sql_state::not_applied;

/// The first event of a queue: its position and type.
type Next = (i64, String);

impl PostgresReadModels {
    pub(crate) async fn write_and_drain<P: PostgresProjection>(
        &self,
        projection: &P,
        changes: &P::Changes,
        drain: &Drain,
    ) -> Result<(), ApplyError> {
        let attempt = || self.try_drain(projection, changes, drain);
        self.make_sure(attempt().await, attempt()).await
    }

    async fn try_drain<P: PostgresProjection>(
        &self,
        projection: &P,
        changes: &P::Changes,
        drain: &Drain,
    ) -> Result<(), NotApplied> {
        let schema = schema_of(&drain.lease)?;
        let _permit = self.long_work().await.map_err(not_applied)?;
        let mut work = self.begin(Begin::Work, Some(&schema)).await.map_err(not_applied)?;
        lock_lease(&mut work, &drain.lease).await?;
        move_queue(&mut work, drain).await?;
        write(&mut work, projection, changes).await?;
        // After the writing, as for the checkpoints of a batch.
        sqlx::query(include_str!("sql/count_drained.sql"))
            .bind(&drain.lease.generation.projection)
            .bind(i64::from(drain.lease.generation.number))
            .bind(partition_column(drain.lease.partition))
            .bind(row::column(drain.applied))
            .execute(&mut *work)
            .await
            .map_err(not_applied)?;
        work.commit().await.map_err(not_applied)?;
        Ok(())
    }
}

/// Locks a partition, if the lease on it holds.
pub(crate) async fn lock_lease(
    connection: &mut PgConnection,
    lease: &Lease,
) -> Result<(), ApplyError> {
    let locked: Option<i32> = sqlx::query_scalar(include_str!("sql/lock_lease.sql"))
        .bind(&lease.generation.projection)
        .bind(i64::from(lease.generation.number))
        .bind(lease.worker.as_uuid())
        .bind(partition_column(lease.partition))
        .bind(row::column(lease.fencing_token))
        .fetch_optional(connection)
        .await
        .map_err(not_applied)?;
    locked.map(drop).ok_or(ApplyError::Fenced)
}

/// Takes events off the queue, and says what becomes of the letter.
async fn move_queue(connection: &mut PgConnection, drain: &Drain) -> Result<(), ApplyError> {
    let (position, request) = lock_letter(connection, drain).await?;
    // A drain that was committed without an answer to tell of it comes again: the letter has moved.
    if drain.through.as_i64() < position {
        return Err(ApplyError::Fenced);
    }
    unqueue(connection, drain.letter, drain.through.as_i64()).await?;
    let next: Option<Next> = sqlx::query_as(include_str!("sql/first_queued.sql"))
        .bind(drain.letter.as_uuid())
        .fetch_optional(&mut *connection)
        .await
        .map_err(not_applied)?;
    match (next, drain.is_discard) {
        (None, false) => {
            let deleted = sqlx::query(include_str!("sql/delete_letter.sql"));
            let deleted = deleted.bind(drain.letter.as_uuid()).execute(connection).await;
            deleted.map(drop).map_err(not_applied)
        }
        (Some(next), false) => take_up_next(connection, drain.letter, next).await,
        (next, true) => discard(connection, drain.letter, request, next).await,
    }
}

/// Where the letter's event is and what is asked for, if it blocks a stream of the partition.
async fn lock_letter(
    connection: &mut PgConnection,
    drain: &Drain,
) -> Result<(i64, Option<DeadLetterRequest>), ApplyError> {
    let found: Option<(i64, Option<String>)> = sqlx::query_as(include_str!("sql/lock_letter.sql"))
        .bind(drain.letter.as_uuid())
        .bind(&drain.lease.generation.projection)
        .bind(i64::from(drain.lease.generation.number))
        .bind(partition_column(drain.lease.partition))
        .fetch_optional(connection)
        .await
        .map_err(not_applied)?;
    let (position, request) = found.ok_or(ApplyError::Fenced)?;
    Ok((position, row::request(request).map_err(not_applied)?))
}

/// Has the letter be about the first event of its queue.
async fn take_up_next(
    connection: &mut PgConnection,
    letter: DeadLetterId,
    (position, event_type): Next,
) -> Result<(), ApplyError> {
    sqlx::query(include_str!("sql/move_letter.sql"))
        .bind(letter.as_uuid())
        .bind(position)
        .bind(event_type)
        .bind(DeadLetter::NOT_TRIED)
        .execute(&mut *connection)
        .await
        .map_err(not_applied)?;
    unqueue(connection, letter, position).await
}

async fn unqueue(
    connection: &mut PgConnection,
    letter: DeadLetterId,
    through: i64,
) -> Result<(), ApplyError> {
    let unqueue = sqlx::query(include_str!("sql/unqueue_events.sql"));
    let unqueued = unqueue.bind(letter.as_uuid()).bind(through).execute(connection).await;
    unqueued.map(drop).map_err(not_applied)
}

/// Keeps the letter to tell of the event that was left out. If others are queued behind it, a
/// letter of their own takes its place, with the request to try them.
async fn discard(
    connection: &mut PgConnection,
    letter: DeadLetterId,
    request: Option<DeadLetterRequest>,
    next: Option<Next>,
) -> Result<(), ApplyError> {
    // Whoever asked may have changed their mind since the worker looked.
    let Some(DeadLetterRequest::Discard { by, .. }) = request else {
        return Err(ApplyError::Fenced);
    };
    sqlx::query(include_str!("sql/discard_letter.sql"))
        .bind(letter.as_uuid())
        .execute(&mut *connection)
        .await
        .map_err(not_applied)?;
    let Some((position, event_type)) = next else { return Ok(()) };
    let successor = DeadLetterId::new();
    let request = serde_json::to_string(&DeadLetterRequest::Retry { by })
        .map_err(|error| ApplyError::Unavailable { source: error.into() })?;
    sqlx::query(include_str!("sql/succeed_letter.sql"))
        .bind(successor.as_uuid())
        .bind(letter.as_uuid())
        .bind(position)
        .bind(event_type)
        .bind(DeadLetter::NOT_TRIED)
        .bind(request)
        .execute(&mut *connection)
        .await
        .map_err(not_applied)?;
    sqlx::query(include_str!("sql/move_queue.sql"))
        .bind(successor.as_uuid())
        .bind(letter.as_uuid())
        .execute(&mut *connection)
        .await
        .map_err(not_applied)?;
    unqueue(connection, successor, position).await
}

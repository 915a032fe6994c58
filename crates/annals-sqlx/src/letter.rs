//! What could not be processed.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    ApplyError, BlockedStream, BoxFuture, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, DeadLetters, EventType, GenerationKey, Lease, NewDeadLetter, Partition,
    Position, ReadModelsError, StreamId,
};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::draining::lock_lease;
use crate::lease::partition_column;
use crate::pool::Begin;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::sql_state::{not_applied, unavailable};

/// That a dead letter blocks nothing, or that there is none.
fn no_letter(letter: DeadLetterId) -> ReadModelsError {
    ReadModelsError::NotFound { what: format!("dead letter {letter} that blocks a stream") }
}

/// A dead letter as its statements name the columns.
struct LetterRow(DeadLetter);

impl FromRow<'_, PgRow> for LetterRow {
    fn from_row(columns: &PgRow) -> Result<Self, sqlx::Error> {
        let text = |name: &str| columns.try_get::<String, _>(name);
        let number = |name: &str| columns.try_get::<i64, _>(name);
        Ok(Self(DeadLetter {
            id: DeadLetterId::from_uuid(columns.try_get("id")?),
            generation: GenerationKey {
                projection: text("projection")?,
                number: row::number(number("generation")?)?,
            },
            partition: row::partition(columns.try_get("partition")?)?,
            stream: StreamId::from_stored(text("aggregate_type")?, text("aggregate_id")?),
            position: row::position(number("position")?)?,
            event_type: EventType::from_stored(text("event_type")?),
            error: text("error")?,
            attempts: row::number(number("attempts")?)?,
            since: columns.try_get("since")?,
            last_attempt_at: columns.try_get("last_attempt_at")?,
            queued: row::number(number("queued")?)?,
            request: row::request(columns.try_get("request")?)?,
            discarded_at: columns.try_get::<Option<DateTime<Utc>>, _>("discarded_at")?,
        }))
    }
}

impl PostgresReadModels {
    async fn park_event(
        &self,
        lease: &Lease,
        letter: &NewDeadLetter,
    ) -> Result<DeadLetterId, ApplyError> {
        let mut change = self.begin(Begin::Change, None).await.map_err(not_applied)?;
        lock_lease(&mut change, lease).await?;
        let id: Uuid = sqlx::query_scalar(include_str!("sql/park.sql"))
            .bind(DeadLetterId::new().as_uuid())
            .bind(&lease.generation.projection)
            .bind(i64::from(lease.generation.number))
            .bind(partition_column(lease.partition))
            .bind(letter.stream.aggregate_type())
            .bind(letter.stream.aggregate_id())
            .bind(letter.position.as_i64())
            .bind(letter.event_type.as_str())
            .bind(row::error_text(&letter.error))
            .bind(i64::from(letter.attempts))
            .fetch_one(&mut *change)
            .await
            .map_err(not_applied)?;
        // The event itself may have been in the queue, if the letter was about one before it.
        sqlx::query(include_str!("sql/unqueue_events.sql"))
            .bind(id)
            .bind(letter.position.as_i64())
            .execute(&mut *change)
            .await
            .map_err(not_applied)?;
        change.commit().await.map_err(not_applied)?;
        Ok(DeadLetterId::from_uuid(id))
    }

    async fn find_blocked(
        &self,
        key: &GenerationKey,
        partitions: &[Partition],
    ) -> Result<Vec<BlockedStream>, sqlx::Error> {
        let partitions: Vec<i32> = partitions.iter().copied().map(partition_column).collect();
        let rows: Vec<(String, String, Uuid, i64, Option<String>)> =
            sqlx::query_as(include_str!("sql/blocked_streams.sql"))
                .bind(&key.projection)
                .bind(i64::from(key.number))
                .bind(partitions)
                .fetch_all(&mut *self.worker().await?)
                .await?;
        let read = |row: (String, String, Uuid, i64, Option<String>)| {
            let (aggregate_type, aggregate_id, letter, position, request) = row;
            Ok(BlockedStream {
                stream: StreamId::from_stored(aggregate_type, aggregate_id),
                letter: DeadLetterId::from_uuid(letter),
                position: row::position(position)?,
                request: row::request(request)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl DeadLetters for PostgresReadModels {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        let lease = lease.clone();
        Box::pin(async move { self.in_time(self.park_event(&lease, &letter)).await })
    }

    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<Vec<BlockedStream>, ReadModelsError>> {
        let key = generation.clone();
        Box::pin(self.in_time(async move {
            self.find_blocked(&key, &partitions).await.map_err(unavailable)
        }))
    }

    fn queued_events(
        &self,
        letter: DeadLetterId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Position>, ReadModelsError>> {
        Box::pin(self.in_time(async move {
            let queued: Option<Vec<i64>> =
                sqlx::query_scalar(include_str!("sql/queued_events.sql"))
                    .bind(letter.as_uuid())
                    .bind(row::column(limit))
                    .fetch_optional(&mut *self.worker().await.map_err(unavailable)?)
                    .await
                    .map_err(unavailable)?;
            let queued = queued.ok_or_else(|| no_letter(letter))?;
            queued.into_iter().map(row::position).collect::<Result<_, _>>().map_err(unavailable)
        }))
    }

    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>, ReadModelsError>> {
        Box::pin(self.in_time(async move {
            let rows: Vec<LetterRow> = sqlx::query_as(include_str!("sql/dead_letters.sql"))
                .bind(query.projection)
                .bind(query.is_discarded)
                .bind(query.after.map(|letter| *letter.as_uuid()))
                .bind(row::column(query.limit.min(LIST_ITEMS_MAX)))
                .fetch_all(&mut *self.worker().await.map_err(unavailable)?)
                .await
                .map_err(unavailable)?;
            Ok(rows.into_iter().map(|LetterRow(letter)| letter).collect())
        }))
    }

    fn dead_letter(
        &self,
        letter: DeadLetterId,
    ) -> BoxFuture<'_, Result<DeadLetter, ReadModelsError>> {
        Box::pin(self.in_time(async move {
            let found: Option<LetterRow> = sqlx::query_as(include_str!("sql/dead_letter.sql"))
                .bind(letter.as_uuid())
                .fetch_optional(&mut *self.worker().await.map_err(unavailable)?)
                .await
                .map_err(unavailable)?;
            let no_letter = || ReadModelsError::NotFound { what: format!("dead letter {letter}") };
            found.map(|LetterRow(letter)| letter).ok_or_else(no_letter)
        }))
    }

    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(self.in_time(async move {
            let request = serde_json::to_string(&request).map_err(ReadModelsError::unavailable)?;
            let asked = sqlx::query(include_str!("sql/request.sql"))
                .bind(letter.as_uuid())
                .bind(request)
                .execute(&mut *self.worker().await.map_err(unavailable)?)
                .await
                .map_err(unavailable)?;
            if asked.rows_affected() == 0 {
                return Err(no_letter(letter));
            }
            Ok(())
        }))
    }
}

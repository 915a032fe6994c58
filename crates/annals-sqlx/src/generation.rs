//! Builds of read models, and which of them serves.

use annals_core::{
    BoxFuture, Comparison, Generation, GenerationKey, GenerationState, GenerationStatus,
    Generations, IfBehind, LogId, PartitionStatus, ReadModelsError, Serving, WorkerId,
};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::pool::Begin;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::schema::Schema;
use crate::sql_state::unavailable;

/// projection, number, version, partitions, log, state, created at, comparison
pub(crate) type GenerationRow =
    (String, i64, i64, i32, Uuid, String, DateTime<Utc>, Option<String>);

/// partition, position, event, applied, moved at, worker, events per second, last error, dead
/// letters, queued events
type PartitionRow = (
    i32,
    i64,
    Option<Uuid>,
    i64,
    Option<DateTime<Utc>>,
    Option<Uuid>,
    f64,
    Option<String>,
    i64,
    i64,
);

/// number, version, log, position
type ServingRow = (i64, i64, Uuid, i64);

pub(crate) fn read_generation(row: GenerationRow) -> Result<Generation, sqlx::Error> {
    let (projection, number, version, partitions, log_id, state, created_at, comparison) = row;
    let comparison = comparison.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Generation {
        key: GenerationKey { projection, number: row::number(number)? },
        version: row::number(version)?,
        partitions: row::number(partitions)?,
        log_id: LogId::from_uuid(log_id),
        state: row::state(&state)?,
        created_at,
        comparison: comparison.map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}

fn read_partition(row: PartitionRow) -> Result<PartitionStatus, sqlx::Error> {
    let (number, position, event_id, applied, moved_at, worker, rate, last_error, letters, queued) =
        row;
    Ok(PartitionStatus {
        partition: row::partition(number)?,
        checkpoint: row::checkpoint(position, event_id)?,
        applied: row::number(applied)?,
        moved_at,
        worker: worker.map(WorkerId::from_uuid),
        events_per_second: rate,
        last_error,
        dead_letters: row::number(letters)?,
        queued: row::number(queued)?,
    })
}

/// The generation that serves, as one statement sees it.
pub(crate) async fn find_serving(
    connection: impl Executor<'_, Database = sqlx::Postgres>,
    projection: &str,
) -> Result<Option<Serving>, sqlx::Error> {
    let found: Option<ServingRow> = sqlx::query_as(include_str!("sql/serving.sql"))
        .bind(projection)
        .fetch_optional(connection)
        .await?;
    let Some((number, version, log_id, position)) = found else { return Ok(None) };
    Ok(Some(Serving {
        key: GenerationKey { projection: projection.to_owned(), number: row::number(number)? },
        version: row::number(version)?,
        log_id: LogId::from_uuid(log_id),
        position: row::position(position)?,
    }))
}

/// That there is no such generation.
pub(crate) fn no_generation(key: &GenerationKey) -> ReadModelsError {
    ReadModelsError::NotFound { what: key.to_string() }
}

/// A generation of a projection whose generations are locked.
struct Locked {
    number: i64,
    state: GenerationState,
}

/// Locks all generations of a projection, so that none of them comes, goes or begins to serve.
async fn lock_generations(
    connection: &mut PgConnection,
    projection: &str,
) -> Result<Vec<Locked>, sqlx::Error> {
    let rows: Vec<(i64, String)> = sqlx::query_as(include_str!("sql/lock_generations.sql"))
        .bind(projection)
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|(number, state)| Ok(Locked { number, state: row::state(&state)? }))
        .collect()
}

/// Stops the partitions of generations where they are, until the end of the transaction.
async fn lock_partitions(
    connection: &mut PgConnection,
    projection: &str,
    numbers: &[i64],
) -> Result<(), sqlx::Error> {
    let locked = sqlx::query(include_str!("sql/lock_partitions_of.sql"));
    locked.bind(projection).bind(numbers).execute(connection).await.map(drop)
}

/// The lowest and the highest position of a generation's partitions.
pub(crate) async fn find_positions(
    connection: &mut PgConnection,
    key: &GenerationKey,
) -> Result<Option<(i64, i64)>, sqlx::Error> {
    let (lowest, highest): (Option<i64>, Option<i64>) =
        sqlx::query_as(include_str!("sql/positions_of.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .fetch_one(connection)
            .await?;
    Ok(lowest.zip(highest))
}

async fn set_state(
    connection: &mut PgConnection,
    projection: &str,
    number: i64,
    state: GenerationState,
) -> Result<(), sqlx::Error> {
    let set = sqlx::query(include_str!("sql/set_state.sql"));
    let set = set.bind(projection).bind(number).bind(row::state_name(state));
    set.execute(connection).await.map(drop)
}

impl PostgresReadModels {
    async fn read_status(&self, key: &GenerationKey) -> Result<GenerationStatus, ReadModelsError> {
        let mut view = self.begin(Begin::View, None).await.map_err(unavailable)?;
        let generation: Option<GenerationRow> =
            sqlx::query_as(include_str!("sql/find_generation.sql"))
                .bind(&key.projection)
                .bind(i64::from(key.number))
                .fetch_optional(&mut *view)
                .await
                .map_err(unavailable)?;
        let generation = generation.ok_or_else(|| no_generation(key))?;
        let partitions: Vec<PartitionRow> = sqlx::query_as(include_str!("sql/status.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .fetch_all(&mut *view)
            .await
            .map_err(unavailable)?;
        let read = || {
            let partitions =
                partitions.into_iter().map(read_partition).collect::<Result<_, _>>()?;
            Ok(GenerationStatus { generation: read_generation(generation)?, partitions })
        };
        read().map_err(unavailable)
    }

    async fn switch_to(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> Result<(), ReadModelsError> {
        let mut change = self.begin(Begin::Change, None).await.map_err(unavailable)?;
        let generations =
            lock_generations(&mut change, &to.projection).await.map_err(unavailable)?;
        let number = i64::from(to.number);
        let next = generations.iter().find(|generation| generation.number == number);
        let is_serving = |generation: &&Locked| generation.state == GenerationState::Serving;
        if is_serving(&next.ok_or_else(|| no_generation(to))?) {
            return Ok(());
        }
        if let Some(serving) = generations.iter().find(is_serving) {
            let serving_key = GenerationKey {
                number: row::number(serving.number).map_err(unavailable)?,
                ..to.clone()
            };
            lock_partitions(&mut change, &to.projection, &[serving.number, number])
                .await
                .map_err(unavailable)?;
            // Statements of their own: they see what those have committed who held the locks.
            let is_at = find_positions(&mut change, &serving_key).await.map_err(unavailable)?;
            let will_be_at = find_positions(&mut change, to).await.map_err(unavailable)?;
            let goes_back = will_be_at.map(|(lowest, _)| lowest) < is_at.map(|(lowest, _)| lowest);
            if goes_back && if_behind == IfBehind::Refuse {
                return Err(ReadModelsError::Moved { what: serving_key.to_string() });
            }
            set_state(&mut change, &to.projection, serving.number, GenerationState::Retained)
                .await
                .map_err(unavailable)?;
        }
        set_state(&mut change, &to.projection, number, GenerationState::Serving)
            .await
            .map_err(unavailable)?;
        change.commit().await.map_err(unavailable)
    }

    async fn remove(&self, key: &GenerationKey) -> Result<(), ReadModelsError> {
        let mut change = self.begin_build(Begin::Change, None).await.map_err(unavailable)?;
        let generations =
            lock_generations(&mut change, &key.projection).await.map_err(unavailable)?;
        let number = i64::from(key.number);
        let found = generations.iter().find(|generation| generation.number == number);
        if found.ok_or_else(|| no_generation(key))?.state == GenerationState::Serving {
            let reason = format!("{key} serves: switch to another generation before");
            return Err(ReadModelsError::Refused { reason });
        }
        let schema = Schema::of(key)?;
        lock_partitions(&mut change, &key.projection, &[number]).await.map_err(unavailable)?;
        let dropped = format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.quoted());
        change.execute(AssertSqlSafe(dropped)).await.map_err(unavailable)?;
        sqlx::query(include_str!("sql/delete_generation.sql"))
            .bind(&key.projection)
            .bind(number)
            .execute(&mut *change)
            .await
            .map_err(unavailable)?;
        change.commit().await.map_err(unavailable)
    }

    async fn set_comparison(
        &self,
        key: &GenerationKey,
        comparison: &Comparison,
    ) -> Result<(), ReadModelsError> {
        let state =
            if comparison.is_equal() { GenerationState::Building } else { GenerationState::Held };
        let comparison = serde_json::to_string(comparison).map_err(ReadModelsError::unavailable)?;
        let kept = sqlx::query(include_str!("sql/keep_comparison.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .bind(comparison)
            .bind(row::state_name(state))
            .execute(&mut *self.worker().await.map_err(unavailable)?)
            .await
            .map_err(unavailable)?;
        if kept.rows_affected() == 0 {
            return Err(ReadModelsError::Moved { what: key.to_string() });
        }
        Ok(())
    }
}

impl Generations for PostgresReadModels {
    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>> {
        Box::pin(self.in_time(async {
            let rows: Vec<GenerationRow> = sqlx::query_as(include_str!("sql/list_generations.sql"))
                .fetch_all(&mut *self.worker().await.map_err(unavailable)?)
                .await
                .map_err(unavailable)?;
            rows.into_iter().map(read_generation).collect::<Result<_, _>>().map_err(unavailable)
        }))
    }

    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>> {
        let projection = projection.to_owned();
        Box::pin(self.in_time(async move {
            let mut reader = self.reader().await.map_err(unavailable)?;
            find_serving(&mut *reader, &projection).await.map_err(unavailable)
        }))
    }

    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move { self.in_time(self.read_status(&key)).await })
    }

    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>> {
        let (serving, other) = (serving.clone(), other.clone());
        Box::pin(async move { self.compare_tables(&serving, &other).await })
    }

    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move { self.in_time(self.set_comparison(&key, &comparison)).await })
    }

    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let to = to.clone();
        Box::pin(async move { self.in_time(self.switch_to(&to, if_behind)).await })
    }

    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move { self.remove(&key).await })
    }
}

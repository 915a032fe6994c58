//! The tables of one projection.

use std::sync::Arc;

use annals_core::limits::PARTITIONS_MAX;
use annals_core::{
    Advance, ApplyError, BoxFuture, Drain, Generation, GenerationKey, Hosts, NewGeneration,
    ReadModelsError,
};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::generation::{GenerationRow, no_generation, read_generation};
use crate::panic::caught;
use crate::pool::Begin;
use crate::projection::PostgresProjection;
use crate::read_models::PostgresReadModels;
use crate::row;
use crate::schema::Schema;
use crate::sql_state::{refused, unavailable};

impl PostgresReadModels {
    async fn begin_generation<P: PostgresProjection>(
        &self,
        projection: &P,
        new: &NewGeneration,
    ) -> Result<Generation, ReadModelsError> {
        let partitions = P::PARTITIONS.max(1);
        if partitions > PARTITIONS_MAX {
            let reason =
                format!("{} has {partitions} partitions, more than {PARTITIONS_MAX}", P::NAME);
            return Err(ReadModelsError::Refused { reason });
        }
        let key = |number| GenerationKey { projection: P::NAME.to_owned(), number };
        // Before the name is kept anywhere.
        Schema::of(&key(0))?;
        let mut change = self.begin_build(Begin::Change, None).await.map_err(unavailable)?;
        let number: i64 = sqlx::query_scalar(include_str!("sql/begin_generation.sql"))
            .bind(P::NAME)
            .fetch_one(&mut *change)
            .await
            .map_err(unavailable)?;
        let key = key(row::number(number).map_err(unavailable)?);
        refuse_if_unfinished(&mut change, P::NAME).await?;
        let schema = Schema::of(&key)?;
        let failed = |what| format!("{what} of {key} cannot be made");
        let made = format!("CREATE SCHEMA {};\n{}", schema.quoted(), schema.use_it());
        sqlx::raw_sql(AssertSqlSafe(made))
            .execute(&mut *change)
            .await
            .map_err(|source| refused(&failed("the schema"), source.into()))?;
        caught(async { projection.create(&mut change).await })
            .await
            .map_err(|source| refused(&failed("the tables"), source))?;
        // After the user's code: a transaction that an error hidden there has ended is noticed
        // here.
        let generation: GenerationRow = sqlx::query_as(include_str!("sql/insert_generation.sql"))
            .bind(P::NAME)
            .bind(number)
            .bind(i64::from(P::VERSION))
            .bind(i32::from(partitions))
            .bind(new.log_id.as_uuid())
            .fetch_one(&mut *change)
            .await
            .map_err(|source| refused(&failed("the tables"), source.into()))?;
        sqlx::query(include_str!("sql/insert_partitions.sql"))
            .bind(P::NAME)
            .bind(number)
            .bind(i32::from(partitions))
            .execute(&mut *change)
            .await
            .map_err(unavailable)?;
        let generation = read_generation(generation).map_err(unavailable)?;
        change.commit().await.map_err(unavailable)?;
        Ok(generation)
    }

    async fn finish_tables<P: PostgresProjection>(
        &self,
        projection: &P,
        key: &GenerationKey,
    ) -> Result<(), ReadModelsError> {
        let schema = Schema::of(key)?;
        let mut change =
            self.begin_build(Begin::Change, Some(&schema)).await.map_err(unavailable)?;
        let found: Option<GenerationRow> = sqlx::query_as(include_str!("sql/find_generation.sql"))
            .bind(&key.projection)
            .bind(i64::from(key.number))
            .fetch_optional(&mut *change)
            .await
            .map_err(unavailable)?;
        found.ok_or_else(|| no_generation(key))?;
        let failed = |source| refused(&format!("{key} cannot be finished"), source);
        caught(async { projection.finish(&mut change).await }).await.map_err(failed)?;
        change.commit().await.map_err(unavailable)
    }
}

/// Refuses a second generation that is on its way to serve.
async fn refuse_if_unfinished(
    connection: &mut PgConnection,
    projection: &str,
) -> Result<(), ReadModelsError> {
    let unfinished: Option<i64> = sqlx::query_scalar(include_str!("sql/unfinished_generation.sql"))
        .bind(projection)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let Some(number) = unfinished else { return Ok(()) };
    let reason = format!(
        "{projection} generation {number} is being built or held: switch to it or retire it before"
    );
    Err(ReadModelsError::Refused { reason })
}

impl<P: PostgresProjection> Hosts<P> for PostgresReadModels {
    fn create(
        &self,
        projection: Arc<P>,
        new: NewGeneration,
    ) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        Box::pin(async move { self.begin_generation(&*projection, &new).await })
    }

    fn apply(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(async move {
            self.in_time(self.write_and_advance(&*projection, &changes, &advance)).await
        })
    }

    fn drain(
        &self,
        projection: Arc<P>,
        changes: Arc<P::Changes>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(
            async move { self.in_time(self.write_and_drain(&*projection, &changes, &drain)).await },
        )
    }

    fn finish(
        &self,
        projection: Arc<P>,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move { self.finish_tables(&*projection, &key).await })
    }
}

//! Checkpoints of readers that have no better place for them.

use annals_core::{BoxFuture, Checkpoint, CheckpointStore, ReadModelsError};
use uuid::Uuid;

use crate::read_models::PostgresReadModels;
use crate::row;
use crate::sql_state::unavailable;

impl CheckpointStore for PostgresReadModels {
    fn load_checkpoint(&self, name: &str) -> BoxFuture<'_, Result<Checkpoint, ReadModelsError>> {
        let name = name.to_owned();
        Box::pin(self.in_time(async move {
            let found: Option<(i64, Option<Uuid>)> =
                sqlx::query_as(include_str!("sql/load_checkpoint.sql"))
                    .bind(name)
                    .fetch_optional(&mut *self.worker().await.map_err(unavailable)?)
                    .await
                    .map_err(unavailable)?;
            let Some((position, event_id)) = found else { return Ok(Checkpoint::START) };
            row::checkpoint(position, event_id).map_err(unavailable)
        }))
    }

    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let name = name.to_owned();
        Box::pin(self.in_time(async move {
            let saved = sqlx::query(include_str!("sql/save_checkpoint.sql"))
                .bind(&name)
                .bind(from.position.as_i64())
                .bind(row::event_id(&from))
                .bind(to.position.as_i64())
                .bind(row::event_id(&to))
                .execute(&mut *self.worker().await.map_err(unavailable)?)
                .await
                .map_err(unavailable)?;
            if saved.rows_affected() == 0 {
                let what = format!("the checkpoint of {name:?}");
                return Err(ReadModelsError::Moved { what });
            }
            Ok(())
        }))
    }
}

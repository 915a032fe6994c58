//! Checkpoints of subscriptions.

use annals_core::{BoxFuture, Checkpoint, CheckpointStore, ReadModelsError};
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::readers::Reader;
use super::{SqliteReadModels, catalog, row};

impl CheckpointStore for SqliteReadModels {
    fn load_checkpoint(&self, name: &str) -> BoxFuture<'_, Result<Checkpoint, ReadModelsError>> {
        let name = name.to_owned();
        Box::pin(async move {
            let load = move |reader: &Reader| {
                let sql = include_str!("../sql/read_models/subscription_find.sql");
                let mut find = reader.catalog().prepare_cached(sql)?;
                let found = find.query_row([name], |row| row::checkpoint(row, 0)).optional()?;
                Ok(found.unwrap_or(Checkpoint::START))
            };
            Ok(self.lookups.run(load).await?)
        })
    }

    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let name = name.to_owned();
        Box::pin(async move {
            let save = move |catalog: &mut Connection| {
                catalog::change_unflushed(catalog, |catalog| {
                    match save(catalog, &name, from, to)? {
                        true => Ok(()),
                        false => Err(Fault::moved(format!("the checkpoint of {name}"))),
                    }
                })
            };
            Ok(self.catalog.run(save).await?)
        })
    }
}

/// Whether the checkpoint was where it was believed to be, and has moved.
fn save(
    catalog: &Connection,
    name: &str,
    from: Checkpoint,
    to: Checkpoint,
) -> rusqlite::Result<bool> {
    let (place, id) = (to.position.as_i64(), row::event_id(&to));
    let moved = catalog
        .prepare_cached(include_str!("../sql/read_models/subscription_move.sql"))?
        .execute((name, place, id, from.position.as_i64(), row::event_id(&from)))?;
    if moved == 1 || from != Checkpoint::START {
        return Ok(moved == 1);
    }
    let begun = catalog
        .prepare_cached(include_str!("../sql/read_models/subscription_begin.sql"))?
        .execute((name, place, id))?;
    Ok(begun == 1)
}

//! Builds of read models, and which of them serves.

use std::sync::Arc;

use annals_core::{
    BoxFuture, Comparison, Generation, GenerationKey, GenerationState, GenerationStatus,
    Generations, IfBehind, Partition, PartitionStatus, ReadModelsError, Serving, WorkerId,
};
use rusqlite::{Connection, Row};

use super::fault::Fault;
use super::folder::Folder;
use super::readers::Reader;
use super::{SqliteReadModels, catalog, comparison, generation_file, row};

impl Generations for SqliteReadModels {
    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>> {
        Box::pin(async move {
            let list = |reader: &Reader| Ok(catalog::generations(reader.catalog())?);
            Ok(self.lookups.run(list).await?)
        })
    }

    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>> {
        let projection = projection.to_owned();
        Box::pin(async move {
            let look = move |reader: &Reader| {
                reader.read_serving(&projection, |generation, file| {
                    Ok(Serving {
                        key: generation.key.clone(),
                        version: generation.version,
                        log_id: generation.log_id,
                        position: generation_file::lowest_position(file)?,
                    })
                })
            };
            Ok(self.lookups.run(look).await?)
        })
    }

    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>> {
        let (key, now) = (generation.clone(), row::micros(self.clock.now()));
        Box::pin(async move {
            let look = move |reader: &Reader| {
                reader.read(&key, |generation, file| {
                    let partitions = partitions(file, now)?;
                    Ok(GenerationStatus { generation: generation.clone(), partitions })
                })
            };
            Ok(self.lookups.run(look).await?)
        })
    }

    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>> {
        let (serving, other) = (serving.clone(), other.clone());
        Box::pin(async move {
            let compare = move |reader: &Reader| {
                reader.read(&serving, |_, left| {
                    reader.read(&other, |_, right| comparison::compare(left, right))
                })
            };
            Ok(self.queries.run(compare).await?)
        })
    }

    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            let keep = move |catalog: &mut Connection| {
                catalog::change(catalog, |catalog| {
                    catalog::find(catalog, &key)?;
                    let state = match comparison.is_equal() {
                        true => GenerationState::Building,
                        false => GenerationState::Held,
                    };
                    let comparison = row::json(&comparison);
                    match catalog::keep_comparison(catalog, &key, &comparison, state)? {
                        true => Ok(()),
                        false => Err(Fault::moved(key.to_string())),
                    }
                })
            };
            Ok(self.catalog.run(keep).await?)
        })
    }

    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let (folder, to) = (Arc::clone(&self.folder), to.clone());
        Box::pin(async move {
            let switch = move |catalog: &mut Connection| {
                let held =
                    catalog::change(catalog, |catalog| switch(catalog, &folder, &to, if_behind))?;
                drop(held);
                Ok(())
            };
            Ok(self.catalog.run(switch).await?)
        })
    }

    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let (folder, key) = (Arc::clone(&self.folder), generation.clone());
        Box::pin(async move {
            let retired = key.clone();
            let retire = move |catalog: &mut Connection| retire(catalog, &folder, &key);
            self.catalog.run(retire).await?;
            self.dismiss(&retired).await;
            Ok(())
        })
    }
}

/// Has `to` serve. Returns the file that served until then, locked against writing: it must stand
/// still until the catalog is committed, or it would be ahead again by then.
fn switch(
    catalog: &Connection,
    folder: &Folder,
    to: &GenerationKey,
    if_behind: IfBehind,
) -> Result<Option<Connection>, Fault> {
    let to = catalog::find(catalog, to)?;
    let serving = catalog::serving(catalog, &to.key.projection)?;
    let Some(serving) = serving.filter(|serving| serving.key != to.key) else {
        catalog::set_state(catalog, &to.key, GenerationState::Serving)?;
        return Ok(None);
    };
    let held = hold(folder, &serving.key)?;
    let behind = held.as_ref().map(generation_file::lowest_position).transpose()?;
    let ahead = folder.read(&to.key, |file| Ok(generation_file::lowest_position(file)?))?;
    let goes_back = behind.is_some_and(|behind| ahead < behind);
    if goes_back && if_behind == IfBehind::Refuse {
        return Err(Fault::moved(format!("the position of {}", serving.key)));
    }
    catalog::set_state(catalog, &serving.key, GenerationState::Retained)?;
    catalog::set_state(catalog, &to.key, GenerationState::Serving)?;
    Ok(held)
}

/// Locks the file of a generation against writing, until it is closed; `None` if the file is of no
/// use: whatever else there is serves better then.
fn hold(folder: &Folder, key: &GenerationKey) -> Result<Option<Connection>, Fault> {
    match generation_file::writer(&folder.generation(key), key) {
        Ok(file) => {
            file.execute_batch(include_str!("../sql/begin_write.sql"))?;
            Ok(Some(file))
        }
        Err(Fault::Told(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Removes a generation: from the catalog first, so that nobody finds what is about to go. What is
/// left if this ends half way is removed when the folder is opened.
fn retire(catalog: &mut Connection, folder: &Folder, key: &GenerationKey) -> Result<(), Fault> {
    catalog::change(catalog, |catalog| {
        if catalog::find(catalog, key)?.state == GenerationState::Serving {
            return Err(Fault::refused(format!(
                "{key} serves: switch to another generation before"
            )));
        }
        Ok(catalog::delete(catalog, key)?)
    })?;
    let path = folder.generation(key);
    if let Err(fault) = generation_file::retire(&path, key) {
        tracing::warn!(%key, %fault, "a retired generation could not be closed for writing");
    }
    folder.close_others(&catalog::keys(catalog)?);
    if let Err(error) = generation_file::remove(&path) {
        tracing::warn!(%key, %error, "the file of a retired generation could not be removed");
    }
    Ok(())
}

fn partitions(file: &Connection, now: i64) -> rusqlite::Result<Vec<PartitionStatus>> {
    let status = |row: &Row<'_>| {
        Ok(PartitionStatus {
            partition: Partition::new(row.get(0)?),
            checkpoint: row::checkpoint(row, 1)?,
            applied: row::count(row, 3)?,
            moved_at: row::time_if_any(row, 4)?,
            worker: row::uuid_if_any(row, 5)?.map(WorkerId::from_uuid),
            events_per_second: row.get(6)?,
            last_error: row.get(7)?,
            dead_letters: row::count(row, 8)?,
            queued: row::count(row, 9)?,
        })
    };
    file.prepare_cached(include_str!("../sql/read_models/partition_status.sql"))?
        .query_map([now], status)?
        .collect()
}

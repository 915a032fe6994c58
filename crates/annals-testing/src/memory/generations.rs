//! Which builds there are, and which serves.

use std::hash::{DefaultHasher, Hash, Hasher};

use annals_core::{
    BoxFuture, Comparison, Generation, GenerationKey, GenerationState, GenerationStatus,
    Generations, IfBehind, Partition, PartitionStatus, Position, ReadModelsError, Serving,
    TableComparison,
};
use chrono::{DateTime, Utc};

use super::{Build, MemoryReadModels, Share};

/// Most keys that a comparison names.
const DIFFERING_KEYS_MAX: usize = 100;

impl Generations for MemoryReadModels {
    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>> {
        self.step(|tables, _| {
            Ok(tables.builds.values().map(|build| build.generation.clone()).collect())
        })
    }

    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>> {
        let projection = projection.to_owned();
        self.step(move |tables, _| {
            Ok(tables.serving(&projection).map(|build| Serving {
                key: build.generation.key.clone(),
                version: build.generation.version,
                log_id: build.generation.log_id,
                position: build.position(),
            }))
        })
    }

    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, now| Ok(tables.find(&key)?.status(now)))
    }

    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>> {
        let (serving, other) = (serving.clone(), other.clone());
        self.step(move |tables, _| {
            tables.find(&serving)?;
            tables.find(&other)?;
            let (serving, other) = (tables.builds.get(&serving), tables.builds.get(&other));
            Ok(serving.zip(other).and_then(|(serving, other)| compare(serving, other)))
        })
    }

    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, _| {
            let generation = &mut tables.find(&key)?.generation;
            if generation.state != GenerationState::Building {
                return Err(ReadModelsError::Moved { what: key.to_string() });
            }
            if !comparison.is_equal() {
                generation.state = GenerationState::Held;
            }
            generation.comparison = Some(comparison);
            Ok(())
        })
    }

    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = to.clone();
        self.step(move |tables, _| {
            let position = tables.find(&key)?.position();
            if let Some(serving) = tables.serving(&key.projection) {
                if position < serving.position() && if_behind == IfBehind::Refuse {
                    return Err(ReadModelsError::Moved { what: key.to_string() });
                }
                serving.generation.state = GenerationState::Retained;
            }
            tables.find(&key)?.generation.state = GenerationState::Serving;
            Ok(())
        })
    }

    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, _| {
            if tables.find(&key)?.generation.state == GenerationState::Serving {
                let reason = format!("{key} serves: have another one serve first");
                return Err(ReadModelsError::Refused { reason });
            }
            tables.builds.remove(&key);
            Ok(())
        })
    }
}

impl Build {
    fn status(&self, now: DateTime<Utc>) -> GenerationStatus {
        let partitions = Partition::all(self.generation.partitions);
        GenerationStatus {
            generation: self.generation.clone(),
            partitions: partitions
                .zip(&self.shares)
                .map(|(partition, share)| self.partition_status(partition, share, now))
                .collect(),
        }
    }

    fn partition_status(
        &self,
        partition: Partition,
        share: &Share,
        now: DateTime<Utc>,
    ) -> PartitionStatus {
        let blocking = self.letters.values().filter(|letter| letter.blocks());
        let here = blocking.filter(|letter| letter.letter.partition == partition);
        let (dead_letters, queued) = here.fold((0, 0), |(letters, queued), letter| {
            (letters + 1, queued + letter.queue.len() as u64)
        });
        PartitionStatus {
            partition,
            checkpoint: share.checkpoint,
            applied: share.applied,
            moved_at: share.moved_at,
            worker: share.owner_at(now).map(|owner| owner.worker),
            events_per_second: share.report.events_per_second,
            last_error: share.report.last_error.clone(),
            dead_letters,
            queued,
        }
    }

    /// Where all partitions are, if that is one position.
    fn common_position(&self) -> Option<Position> {
        let position = self.position();
        let is_there = |share: &Share| share.checkpoint.position == position;
        self.shares.iter().all(is_there).then_some(position)
    }

    fn digest(&self) -> String {
        let mut hash = DefaultHasher::new();
        for (key, stored) in &self.documents {
            (key, &stored.document).hash(&mut hash);
        }
        format!("{:016x}", hash.finish())
    }
}

fn compare(serving: &Build, other: &Build) -> Option<Comparison> {
    let position = serving.common_position()?;
    if other.common_position()? != position {
        return None;
    }
    let mut keys: Vec<&String> = serving.documents.keys().chain(other.documents.keys()).collect();
    keys.sort();
    keys.dedup();
    let differs = |key: &&&String| serving.documents.get(**key) != other.documents.get(**key);
    let differing = keys.iter().filter(differs).take(DIFFERING_KEYS_MAX);
    let documents = TableComparison {
        table: "document".to_owned(),
        rows: (serving.documents.len() as u64, other.documents.len() as u64),
        digests: (serving.digest(), other.digest()),
        differing_keys: differing.map(|key| (*key).clone()).collect(),
    };
    Some(Comparison { position, tables: vec![documents] })
}

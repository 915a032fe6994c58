//! The documents of one projection.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use annals_core::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_KEY_BYTES_MAX};
use annals_core::{
    Advance, ApplyError, BoxError, BoxFuture, DocumentChanges, DocumentProjection, DocumentSet,
    Documents, Drain, Generation, GenerationKey, GenerationState, Hosts, IndexValue, Json,
    NewGeneration, Partition, Projection, ReadModelsError,
};
use chrono::{DateTime, Utc};

use super::{Build, MemoryReadModels, Share, StoredDocument, Tables};

/// What becomes of a document, by key.
pub(crate) type Rows = Vec<(String, Option<StoredDocument>)>;

impl<D: Documents> Hosts<DocumentProjection<D>> for MemoryReadModels {
    fn create(
        &self,
        projection: Arc<DocumentProjection<D>>,
        new: NewGeneration,
    ) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        self.step(move |tables, now| tables.create(&projection.0, new, now))
    }

    fn apply(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.step(move |tables, now| {
            let Some(first) = advance.leases.first() else { return Ok(()) };
            let build = tables.builds.get_mut(&first.generation).ok_or(ApplyError::Fenced)?;
            for lease in &advance.leases {
                let share = build.fenced(lease, now)?;
                if share.checkpoint != lease.checkpoint {
                    return Err(ApplyError::Fenced);
                }
            }
            let rows = rows(&projection, &changes, &build.documents).map_err(rejected)?;
            build.queue_up(&advance)?;
            build.advance(&advance, now)?;
            build.write(rows);
            Ok(())
        })
    }

    fn drain(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        self.step(move |tables, now| {
            let key = &drain.lease.generation;
            let build = tables.builds.get_mut(key).ok_or(ApplyError::Fenced)?;
            build.fenced(&drain.lease, now)?;
            build.drainable(&drain)?;
            let rows = rows(&projection, &changes, &build.documents).map_err(rejected)?;
            let share = build.fenced(&drain.lease, now)?;
            share.applied += drain.applied;
            share.renew(now);
            build.shorten(&drain, now);
            build.write(rows);
            Ok(())
        })
    }

    fn finish(
        &self,
        _: Arc<DocumentProjection<D>>,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, _| tables.find(&key).map(|_| ()))
    }
}

impl Tables {
    fn create<D: Documents>(
        &mut self,
        documents: &D,
        new: NewGeneration,
        now: DateTime<Utc>,
    ) -> Result<Generation, ReadModelsError> {
        let is_pending = |build: &mut Build| {
            matches!(build.generation.state, GenerationState::Building | GenerationState::Held)
        };
        if self.of(D::NAME).any(is_pending) {
            let reason = format!(
                "another generation of {} is being built or held: switch to it or retire it",
                D::NAME
            );
            return Err(ReadModelsError::Refused { reason });
        }
        let last_number = self.last_numbers.entry(D::NAME.to_owned()).or_default();
        *last_number += 1;
        let partitions = DocumentProjection::<D>::PARTITIONS.max(1);
        let generation = Generation {
            key: GenerationKey { projection: D::NAME.to_owned(), number: *last_number },
            version: D::VERSION,
            partitions,
            log_id: new.log_id,
            state: GenerationState::Building,
            created_at: now,
            comparison: None,
        };
        let build = Build {
            generation: generation.clone(),
            shares: Partition::all(partitions).map(|_| Share::default()).collect(),
            workers: BTreeMap::new(),
            letters: BTreeMap::new(),
            documents: BTreeMap::new(),
            indexes: documents.indexes().iter().map(|index| index.name).collect(),
        };
        self.builds.insert(generation.key.clone(), build);
        Ok(generation)
    }
}

impl Build {
    fn queue_up(&mut self, advance: &Advance) -> Result<(), ApplyError> {
        let is_known = |letter| self.letters.get(letter).is_some_and(super::Letter::blocks);
        if !advance.queued.iter().all(|queued| is_known(&queued.letter)) {
            return Err(rejected(
                "an event queues behind a dead letter that blocks nothing".into(),
            ));
        }
        for queued in &advance.queued {
            if let Some(letter) = self.letters.get_mut(&queued.letter) {
                letter.queue.insert(queued.position, queued.event_type.clone());
            }
        }
        Ok(())
    }

    fn advance(&mut self, advance: &Advance, now: DateTime<Utc>) -> Result<(), ApplyError> {
        let applied = advance.applied.iter().copied().chain(std::iter::repeat(0));
        for (lease, applied) in advance.leases.iter().zip(applied) {
            let share = self.fenced(lease, now)?;
            share.checkpoint = advance.to;
            share.applied += applied;
            share.moved_at = Some(now);
            share.renew(now);
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, rows: Rows) {
        for (key, stored) in rows {
            match stored {
                Some(stored) => self.documents.insert(key, stored),
                None => self.documents.remove(&key),
            };
        }
    }
}

/// The documents that the events change, as they are then.
pub(crate) fn rows<D: Documents>(
    projection: &DocumentProjection<D>,
    changes: &DocumentChanges<D::Event>,
    stored: &BTreeMap<String, StoredDocument>,
) -> Result<Rows, BoxError> {
    let mut known = Vec::new();
    for key in &changes.keys {
        let document = stored.get(key).map(|stored| stored.document.read()).transpose()?;
        known.push((key.clone(), document));
    }
    let mut set = DocumentSet::new(known);
    let applied = catch_unwind(AssertUnwindSafe(|| projection.apply(changes, &mut set)));
    applied.unwrap_or_else(|_| Err("the projection panicked".into()))?;
    let changed = set.changed().map(|(key, document)| {
        let stored = document.map(|document| row(&projection.0, document)).transpose()?;
        Ok((key.to_owned(), stored))
    });
    changed.collect()
}

fn row<D: Documents>(documents: &D, document: &D::Document) -> Result<StoredDocument, BoxError> {
    let mut values = BTreeMap::new();
    for index in documents.indexes() {
        let Some(value) = (index.value)(document) else { continue };
        if matches!(&value, IndexValue::Text(text) if text.len() > DOCUMENT_KEY_BYTES_MAX) {
            return Err(format!("the value of the index {} is too long", index.name).into());
        }
        values.insert(index.name, value);
    }
    let document = Json::write("document", document, DOCUMENT_BYTES_MAX)?;
    Ok(StoredDocument { document, values })
}

fn rejected(source: BoxError) -> ApplyError {
    ApplyError::Rejected { source }
}

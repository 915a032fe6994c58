//! Bugs on the way of changes into rows.

use std::sync::Arc;

use annals_core::{
    Advance, ApplyError, BoxFuture, DeadLetterRequest, DeadLetters, DocumentChanges,
    DocumentProjection, Documents, Drain, Generation, GenerationKey, GenerationState, Hosts, Lease,
    NewGeneration, ReadModelsError,
};

use super::{Models, SabotagedReadModels, linger};
use crate::memory::rows;

impl<D: Documents> Hosts<DocumentProjection<D>> for Models {
    fn create(
        &self,
        projection: Arc<DocumentProjection<D>>,
        new: NewGeneration,
    ) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        Box::pin(async move {
            let new = self.before_create(D::NAME, new);
            let hidden = self.hide_pending(D::NAME);
            let mut created = self.inner.create(projection, new).await;
            for (key, state) in hidden {
                if let Some(build) = self.inner.lock().builds.get_mut(&key) {
                    build.generation.state = state;
                }
            }
            if let Ok(generation) = &mut created
                && self.is(SabotagedReadModels::VersionIsForgotten)
            {
                generation.version = 1;
            }
            created
        })
    }

    fn apply(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        advance: Advance,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(self.sabotaged_apply(projection, changes, advance))
    }

    fn drain(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        drain: Drain,
    ) -> BoxFuture<'_, Result<(), ApplyError>> {
        Box::pin(self.sabotaged_drain(projection, changes, drain))
    }

    fn finish(
        &self,
        projection: Arc<DocumentProjection<D>>,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        self.inner.finish(projection, generation)
    }
}

impl Models {
    fn before_create(&self, projection: &str, mut new: NewGeneration) -> NewGeneration {
        let mut tables = self.inner.lock();
        let mut builds = tables.builds.values().map(|build| &build.generation);
        if self.is(SabotagedReadModels::LogIsForgotten)
            && let Some(first) = builds.next()
        {
            new.log_id = first.log_id;
        }
        if self.is(SabotagedReadModels::NumberIsReused) {
            let builds = tables.builds.keys().filter(|key| key.projection == projection);
            let highest = builds.map(|key| key.number).max().unwrap_or(0);
            tables.last_numbers.insert(projection.to_owned(), highest);
        }
        new
    }

    /// What is being built or held is taken for something else while another one is begun.
    fn hide_pending(&self, projection: &str) -> Vec<(GenerationKey, GenerationState)> {
        let mut hidden = Vec::new();
        for build in self.inner.lock().builds.values_mut() {
            let generation = &mut build.generation;
            let is_hidden = match generation.state {
                GenerationState::Building => self.is(SabotagedReadModels::SeveralAreBuilt),
                GenerationState::Held => self.is(SabotagedReadModels::HeldDoesNotCount),
                _ => false,
            };
            if is_hidden && generation.key.projection == projection {
                hidden.push((generation.key.clone(), generation.state));
                generation.state = GenerationState::Retained;
            }
        }
        hidden
    }

    async fn sabotaged_apply<D: Documents>(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        mut advance: Advance,
    ) -> Result<(), ApplyError> {
        for (place, lease) in advance.leases.iter_mut().enumerate() {
            self.spoil_lease(lease, place);
            if self.is(SabotagedReadModels::CheckpointIsNotCompared)
                && let Some(build) = self.inner.lock().builds.get(&lease.generation)
                && let Some(share) = build.shares.get(usize::from(lease.partition.get()))
            {
                lease.checkpoint = share.checkpoint;
            }
        }
        match self.bug {
            SabotagedReadModels::EmptyAdvanceIsSkipped if changes.events.is_empty() => {
                return Ok(());
            }
            SabotagedReadModels::NothingIsCounted => advance.applied.clear(),
            SabotagedReadModels::OnlyFirstPartitionMoves => advance.leases.truncate(1),
            SabotagedReadModels::QueueIsLost => advance.queued.clear(),
            _ => {}
        }
        let Some(key) = advance.leases.first().map(|lease| lease.generation.clone()) else {
            return Ok(());
        };
        let untils = self.untils(&key);
        let empty = Arc::new(DocumentChanges::default());
        if self.is(SabotagedReadModels::RowsComeLater) {
            self.inner.apply(Arc::clone(&projection), empty, advance).await?;
            linger(|| false).await;
            return self.write_rows(&projection, &changes, &key);
        }
        let outcome = self.inner.apply(Arc::clone(&projection), changes, advance.clone()).await;
        match (self.bug, &outcome) {
            (SabotagedReadModels::RejectedIsSkipped, Err(ApplyError::Rejected { .. })) => {
                return self.inner.apply(projection, empty, advance).await;
            }
            (SabotagedReadModels::RowsAreShared, Ok(())) => self.share_rows(&key),
            (SabotagedReadModels::WritingRenewsNothing, Ok(())) => self.set_untils(&key, &untils),
            _ => {}
        }
        outcome
    }

    async fn sabotaged_drain<D: Documents>(
        &self,
        projection: Arc<DocumentProjection<D>>,
        changes: Arc<DocumentChanges<D::Event>>,
        mut drain: Drain,
    ) -> Result<(), ApplyError> {
        self.spoil_lease(&mut drain.lease, 0);
        let key = drain.lease.generation.clone();
        if self.is(SabotagedReadModels::DiscardNeedsNoRequest) && drain.is_discard {
            let (by, why) = (String::new(), String::new());
            self.change_letter(&drain, |letter| {
                letter.request.get_or_insert(DeadLetterRequest::Discard { by, why });
            });
        }
        let before = self.inner.dead_letter(drain.letter).await.ok();
        let outcome =
            self.inner.drain(Arc::clone(&projection), Arc::clone(&changes), drain.clone()).await;
        match (self.bug, &outcome) {
            (SabotagedReadModels::DrainIsNotCompared, Err(ApplyError::Fenced)) => {
                return self.write_rows(&projection, &changes, &key);
            }
            (SabotagedReadModels::QueueIsShortenedFirst, Err(ApplyError::Rejected { .. })) => {
                let empty = Arc::new(DocumentChanges::default());
                self.inner.drain(projection, empty, drain).await?;
            }
            (SabotagedReadModels::LetterEndsWithItsEvent, Ok(())) => {
                if let Some(build) = self.inner.lock().builds.get_mut(&key) {
                    build.letters.remove(&drain.letter);
                }
            }
            (SabotagedReadModels::LetterTellsOfAnother, Ok(())) => {
                if let Some(before) = before {
                    self.change_letter(&drain, |letter| {
                        (letter.event_type, letter.error) = (before.event_type, before.error);
                        letter.attempts = before.attempts;
                    });
                }
            }
            (SabotagedReadModels::RequestIsGoneEarly, Ok(())) => {
                self.change_letter(&drain, |letter| letter.request = None);
            }
            (SabotagedReadModels::DiscardGoesOn, Ok(())) if !drain.is_discard => {
                let request = before.and_then(|letter| letter.request);
                self.change_letter(&drain, |letter| letter.request = request);
            }
            (SabotagedReadModels::DiscardIsForgotten, Ok(())) if drain.is_discard => {
                if let Some(build) = self.inner.lock().builds.get_mut(&key) {
                    build.letters.retain(|_, letter| letter.blocks());
                }
            }
            _ => {}
        }
        outcome
    }

    /// Gives a lease whatever makes it pass.
    pub(super) fn spoil_lease(&self, lease: &mut Lease, place: usize) {
        let is_passed = match self.bug {
            SabotagedReadModels::FencingIsIgnored => true,
            SabotagedReadModels::OnlyFirstLeaseIsFenced => place > 0,
            _ => false,
        };
        let tables = self.inner.lock();
        let Some(build) = tables.builds.get(&lease.generation).filter(|_| is_passed) else {
            return;
        };
        if let Some(share) = build.shares.get(usize::from(lease.partition.get())) {
            lease.fencing_token = share.fencing_token;
            lease.worker = share.owner.as_ref().map_or(lease.worker, |owner| owner.worker);
            if self.is(SabotagedReadModels::OnlyFirstLeaseIsFenced) {
                lease.checkpoint = share.checkpoint;
            }
        }
    }

    fn change_letter(&self, drain: &Drain, change: impl FnOnce(&mut annals_core::DeadLetter)) {
        let mut tables = self.inner.lock();
        let build = tables.builds.get_mut(&drain.lease.generation);
        if let Some(letter) = build.and_then(|build| build.letters.get_mut(&drain.letter)) {
            change(&mut letter.letter);
        }
    }

    fn write_rows<D: Documents>(
        &self,
        projection: &DocumentProjection<D>,
        changes: &DocumentChanges<D::Event>,
        key: &GenerationKey,
    ) -> Result<(), ApplyError> {
        let mut tables = self.inner.lock();
        let Some(build) = tables.builds.get_mut(key) else { return Err(ApplyError::Fenced) };
        let rows = rows(projection, changes, &build.documents);
        build.write(rows.map_err(|source| ApplyError::Rejected { source })?);
        Ok(())
    }

    fn share_rows(&self, key: &GenerationKey) {
        let mut tables = self.inner.lock();
        let Some(documents) = tables.builds.get(key).map(|build| build.documents.clone()) else {
            return;
        };
        for build in tables.builds.values_mut() {
            build.documents.clone_from(&documents);
        }
    }
}

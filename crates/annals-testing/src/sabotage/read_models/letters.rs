//! Bugs in what is told and done about dead letters.

use annals_core::{
    ApplyError, BlockedStream, BoxFuture, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, DeadLetters, GenerationKey, Lease, NewDeadLetter, Partition, Position,
    ReadModelsError,
};

use super::{Models, SabotagedReadModels};

impl DeadLetters for Models {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        let mut lease = lease.clone();
        self.spoil_lease(&mut lease, 0);
        Box::pin(async move {
            let request = self.forget_letter(&lease, &letter);
            let id = self.inner.park(&lease, letter).await?;
            let request = match self.bug {
                SabotagedReadModels::RequestOutlivesRetry => Some(request),
                SabotagedReadModels::DiscardIsLost => Some(None),
                _ => None,
            };
            if let Some(request) = request {
                let mut tables = self.inner.lock();
                for build in tables.builds.values_mut() {
                    if let Some(letter) = build.letters.get_mut(&id) {
                        letter.letter.request.clone_from(&request);
                    }
                }
            }
            Ok(id)
        })
    }

    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<Vec<BlockedStream>, ReadModelsError>> {
        if self.is(SabotagedReadModels::PartitionsAreIgnored) {
            return self.inner.blocked_streams(generation, Partition::all(u16::MAX).collect());
        }
        self.inner.blocked_streams(generation, partitions)
    }

    fn queued_events(
        &self,
        letter: DeadLetterId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Position>, ReadModelsError>> {
        Box::pin(async move {
            let mut queue = self.inner.queued_events(letter, limit).await?;
            if self.is(SabotagedReadModels::QueueIsReversed) {
                queue.reverse();
            }
            Ok(queue)
        })
    }

    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>, ReadModelsError>> {
        Box::pin(async move {
            if self.is(SabotagedReadModels::CursorMustExist)
                && let Some(after) = query.after
                && !self
                    .inner
                    .dead_letter(after)
                    .await
                    .is_ok_and(|found| found.discarded_at.is_some() == query.is_discarded)
            {
                return Ok(Vec::new());
            }
            let mut letters = self.inner.dead_letters(query).await?;
            if self.is(SabotagedReadModels::LettersAreReversed) {
                letters.reverse();
            }
            Ok(letters)
        })
    }

    fn dead_letter(
        &self,
        letter: DeadLetterId,
    ) -> BoxFuture<'_, Result<DeadLetter, ReadModelsError>> {
        self.inner.dead_letter(letter)
    }

    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(async move {
            if self.is(SabotagedReadModels::FirstRequestCounts)
                && self.inner.dead_letter(letter).await?.request.is_some()
            {
                return Ok(());
            }
            let outcome = self.inner.request(letter, request).await;
            if self.is(SabotagedReadModels::GoneLetterIsAccepted) { Ok(()) } else { outcome }
        })
    }
}

impl Models {
    /// What is asked for about the letter that there is. It may be forgotten.
    fn forget_letter(&self, lease: &Lease, new: &NewDeadLetter) -> Option<DeadLetterRequest> {
        let mut tables = self.inner.lock();
        let build = tables.builds.get_mut(&lease.generation)?;
        let mut letters = build.letters.values();
        let found = letters.find(|letter| letter.letter.stream == new.stream)?.letter.clone();
        if self.is(SabotagedReadModels::LetterIsReplaced) {
            build.letters.remove(&found.id);
        }
        found.request
    }
}

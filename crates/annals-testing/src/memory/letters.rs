//! What could not be processed.

use std::collections::BTreeMap;

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    ApplyError, BlockedStream, BoxFuture, DeadLetter, DeadLetterId, DeadLetterQuery,
    DeadLetterRequest, DeadLetters, Drain, GenerationKey, Lease, NewDeadLetter, Partition,
    Position, ReadModelsError,
};
use chrono::{DateTime, Utc};

use super::{Build, Letter, MemoryReadModels, Tables};

impl DeadLetters for MemoryReadModels {
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>> {
        let lease = lease.clone();
        self.step(move |tables, now| {
            let build = tables.builds.get_mut(&lease.generation).ok_or(ApplyError::Fenced)?;
            build.fenced(&lease, now)?;
            Ok(build.park(&lease, letter, now))
        })
    }

    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<Vec<BlockedStream>, ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, _| {
            let letters = tables.find(&key)?.letters.values().filter(|letter| letter.blocks());
            let mut letters: Vec<&DeadLetter> = letters
                .map(|letter| &letter.letter)
                .filter(|letter| partitions.contains(&letter.partition))
                .collect();
            letters.sort_by_key(|letter| (letter.partition, letter.position));
            Ok(letters.into_iter().map(blocked).collect())
        })
    }

    fn queued_events(
        &self,
        letter: DeadLetterId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Position>, ReadModelsError>> {
        self.step(move |tables, _| {
            Ok(tables.blocking(letter)?.queue.keys().take(limit).copied().collect())
        })
    }

    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>, ReadModelsError>> {
        self.step(move |tables, _| {
            let is_asked_for = |letter: &&Letter| {
                let of = &letter.letter.generation.projection;
                letter.blocks() != query.is_discarded
                    && query.projection.as_ref().is_none_or(|projection| projection == of)
                    && query.after.is_none_or(|after| letter.letter.id > after)
            };
            let letters = tables.builds.values().flat_map(|build| build.letters.values());
            let mut found: Vec<DeadLetter> =
                letters.filter(is_asked_for).map(Letter::tell).collect();
            // An id is made when the event is parked, so their order is that of the letters' age.
            found.sort_by_key(|letter| letter.id);
            found.truncate(query.limit.min(LIST_ITEMS_MAX));
            Ok(found)
        })
    }

    fn dead_letter(
        &self,
        letter: DeadLetterId,
    ) -> BoxFuture<'_, Result<DeadLetter, ReadModelsError>> {
        self.step(move |tables, _| tables.letter(letter).map(|letter| letter.tell()))
    }

    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        self.step(move |tables, _| {
            tables.blocking(letter)?.letter.request = Some(request);
            Ok(())
        })
    }
}

impl Tables {
    fn letter(&mut self, id: DeadLetterId) -> Result<&mut Letter, ReadModelsError> {
        let letter = self.builds.values_mut().find_map(|build| build.letters.get_mut(&id));
        letter.ok_or_else(|| not_found(id))
    }

    fn blocking(&mut self, id: DeadLetterId) -> Result<&mut Letter, ReadModelsError> {
        self.letter(id).and_then(
            |letter| {
                if letter.blocks() { Ok(letter) } else { Err(not_found(id)) }
            },
        )
    }
}

impl Build {
    fn park(&mut self, lease: &Lease, new: NewDeadLetter, now: DateTime<Utc>) -> DeadLetterId {
        let mut letters = self.letters.values_mut().filter(|letter| letter.blocks());
        if let Some(Letter { letter, .. }) =
            letters.find(|letter| letter.letter.stream == new.stream)
        {
            let is_same = letter.position == new.position;
            letter.request.take_if(|request| {
                !(is_same && matches!(request, DeadLetterRequest::Discard { .. }))
            });
            letter.position = new.position;
            letter.event_type = new.event_type;
            letter.error = new.error;
            letter.attempts += new.attempts;
            letter.last_attempt_at = now;
            return letter.id;
        }
        let letter = DeadLetter {
            id: DeadLetterId::new(),
            generation: lease.generation.clone(),
            partition: lease.partition,
            stream: new.stream,
            position: new.position,
            event_type: new.event_type,
            error: new.error,
            attempts: new.attempts,
            since: now,
            last_attempt_at: now,
            queued: 0,
            request: None,
            discarded_at: None,
        };
        let id = letter.id;
        self.letters.insert(id, Letter { letter, queue: BTreeMap::new() });
        id
    }

    /// The letter that is to be drained, if it still stands as the worker thinks.
    pub(crate) fn drainable(&self, drain: &Drain) -> Result<&Letter, ApplyError> {
        let is_as_thought = |letter: &&Letter| {
            let through = drain.through;
            let is_asked_for =
                matches!(letter.letter.request, Some(DeadLetterRequest::Discard { .. }));
            letter.blocks()
                && letter.letter.partition == drain.lease.partition
                && (letter.letter.position == through || letter.queue.contains_key(&through))
                && (is_asked_for || !drain.is_discard)
        };
        self.letters.get(&drain.letter).filter(is_as_thought).ok_or(ApplyError::Fenced)
    }

    /// Takes events off the queue of the letter.
    pub(crate) fn shorten(&mut self, drain: &Drain, now: DateTime<Utc>) {
        let Some(mut rest) = self.letters.remove(&drain.letter) else { return };
        rest.queue.retain(|position, _| *position > drain.through);
        if drain.is_discard {
            let mut told = Letter { letter: rest.letter.clone(), queue: BTreeMap::new() };
            told.letter.discarded_at = Some(now);
            self.letters.insert(told.letter.id, told);
            rest.letter.id = DeadLetterId::new();
            (rest.letter.since, rest.letter.last_attempt_at) = (now, now);
        }
        if let Some((next, event_type)) = rest.queue.pop_first() {
            (rest.letter.position, rest.letter.event_type) = (next, event_type);
            (rest.letter.error, rest.letter.attempts) = (DeadLetter::NOT_TRIED.to_owned(), 0);
            // Whoever asked to discard an event has not seen the next one.
            rest.letter.request = rest.letter.request.map(|request| match request {
                DeadLetterRequest::Discard { by, .. } | DeadLetterRequest::Retry { by } => {
                    DeadLetterRequest::Retry { by }
                }
            });
            self.letters.insert(rest.letter.id, rest);
        }
    }
}

impl Letter {
    /// Whether its stream stands still.
    pub(crate) fn blocks(&self) -> bool {
        self.letter.discarded_at.is_none()
    }

    fn tell(&self) -> DeadLetter {
        DeadLetter { queued: self.queue.len() as u64, ..self.letter.clone() }
    }
}

fn blocked(letter: &DeadLetter) -> BlockedStream {
    BlockedStream {
        stream: letter.stream.clone(),
        letter: letter.id,
        position: letter.position,
        request: letter.request.clone(),
    }
}

fn not_found(id: DeadLetterId) -> ReadModelsError {
    ReadModelsError::NotFound { what: format!("dead letter {id} that blocks a stream") }
}

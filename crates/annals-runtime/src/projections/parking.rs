//! Parking events, and taking them up again.

use std::error::Error;
use std::sync::Arc;

use annals_core::{
    ApplyError, BlockedStream, DeadLetterRequest, Drain, EventQuery, Hosts, Lease, NewDeadLetter,
    Partition, Position, Projection, QueryItem, Read, ReadError, ReadModelsError, RecordedEvent,
    StreamId,
};

use tokio::time::Instant;

use super::batch::{Suspect, project};
use super::error::{Trouble, with_causes};
use super::share::Share;
use super::suspicion::Suspicion;
use super::worker::Worker;

/// Events of a stream that are taken up in one transaction.
const DRAIN_EVENTS_MAX: usize = 1_000;

impl<P: Projection, D: Hosts<P>> Worker<P, D> {
    /// Puts an event aside, with all later events of its stream behind it.
    pub(super) async fn park(
        &mut self,
        share: &Share,
        suspect: Suspect,
        attempts: u32,
        error: &(dyn Error + Send + Sync + 'static),
    ) -> Result<(), Trouble> {
        let lease = self.lease(share, &suspect.stream)?;
        let letter = NewDeadLetter {
            stream: suspect.stream.clone(),
            position: suspect.position,
            event_type: suspect.event_type.clone(),
            error: with_causes(error),
            attempts,
        };
        let letter = self.models.park(lease, letter).await?;
        tracing::error!(
            generation = %self.generation.key,
            stream = %suspect.stream,
            position = %suspect.position,
            error = with_causes(error),
            %letter,
            "parked an event"
        );
        self.blocked.add(&suspect, letter);
        Ok(())
    }

    /// Does what somebody asked to be done with a dead letter.
    pub(super) async fn follow(
        &mut self,
        share: &Share,
        blocked: BlockedStream,
    ) -> Result<(), Trouble> {
        match blocked.request {
            Some(DeadLetterRequest::Discard { .. }) => {
                let changes = Arc::new(P::Changes::default());
                let drain = Drain {
                    lease: self.lease(share, &blocked.stream)?.clone(),
                    letter: blocked.letter,
                    through: blocked.position,
                    applied: 0,
                    is_discard: true,
                };
                self.models.drain(self.projection.clone(), changes, drain).await?;
            }
            Some(DeadLetterRequest::Retry { .. }) => self.take_up(share, &blocked).await?,
            None => {}
        }
        let streams = self.models.blocked_streams(&self.generation.key, share.partitions()).await?;
        self.blocked = super::blocked::Blocked::new(streams);
        Ok(())
    }

    /// Processes the event of a dead letter and some of those behind it, in order, up to the next
    /// one that cannot be processed; that one is parked.
    async fn take_up(&mut self, share: &Share, blocked: &BlockedStream) -> Result<(), Trouble> {
        let events = self.parked_events(blocked).await?;
        let mut rest = events.as_slice();
        let mut suspicion = Suspicion::none();
        while let Some(first) = rest.first() {
            let pace = self.pace.events_max(self.around.options.lease / 4);
            let (chunk, _) = rest.split_at(rest.len().min(suspicion.events_max()).min(pace));
            let last = chunk.last().unwrap_or(first);
            let (attempts, suspect, error) = match self.drain(share, blocked, chunk).await? {
                Ok(()) => {
                    suspicion.passed(chunk.len(), last.position);
                    rest = rest.get(chunk.len()..).unwrap_or_default();
                    continue;
                }
                Err((Some(before), error)) => {
                    let suspect = chunk.get(before).unwrap_or(last);
                    (suspicion.failed_behind(before, suspect.position), suspect, error)
                }
                Err((None, error)) => (suspicion.failed(chunk.len(), last.position), last, error),
            };
            let Some(attempts) = attempts else { continue };
            self.note(&*error);
            let retry = self.around.options.retry;
            if !self.pause(&retry, attempts).await {
                let suspect = Suspect::new(suspect);
                return self.park(share, suspect, attempts, &*error).await;
            }
            if self.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes the changes of events that are parked. A failure says behind how many of them, if
    /// that is known.
    async fn drain(
        &mut self,
        share: &Share,
        blocked: &BlockedStream,
        events: &[RecordedEvent],
    ) -> Result<Result<(), (Option<usize>, annals_core::BoxError)>, Trouble> {
        let mut changes = P::Changes::default();
        for (before, event) in events.iter().enumerate() {
            if let Err(error) = project(&*self.projection, event, &mut changes) {
                return Ok(Err((Some(before), error)));
            }
        }
        let drain = Drain {
            lease: self.lease(share, &blocked.stream)?.clone(),
            letter: blocked.letter,
            through: events.last().map_or(blocked.position, |last| last.position),
            applied: events.len() as u64,
            is_discard: false,
        };
        let begun = Instant::now();
        let changes = Arc::new(changes);
        let drained = match self.before(&changes).await {
            Ok(()) => self.models.drain(self.projection.clone(), changes.clone(), drain).await,
            Err(error) => Err(error),
        };
        match drained {
            Ok(()) => {
                self.beside.after(&self.generation, &changes);
                self.pace.wrote(events.len(), begun.elapsed());
                Ok(Ok(()))
            }
            Err(ApplyError::Rejected { source }) => Ok(Err((None, source))),
            Err(error) => {
                self.pace.wrote_in_vain(events.len(), begun.elapsed());
                Err(error.into())
            }
        }
    }

    /// The event of a dead letter, and the next ones queued behind it.
    async fn parked_events(&self, blocked: &BlockedStream) -> Result<Vec<RecordedEvent>, Trouble> {
        let mut positions = vec![blocked.position];
        let queued = self.models.queued_events(blocked.letter, DRAIN_EVENTS_MAX).await;
        positions.extend(queued.map_err(|error| match error {
            // The letter is gone, not the generation: somebody else has the partition.
            ReadModelsError::NotFound { .. } => Trouble::Fenced,
            error => error.into(),
        })?);
        let item = QueryItem::new().stream(blocked.stream.clone());
        let query = EventQuery::any_of([item]).expect("it names one stream");
        let last = positions.last().copied().unwrap_or(blocked.position);
        let mut read = Read::query(query).after(blocked.position.before()).up_to(last);
        loop {
            let page = self.store().read(read.clone()).await?;
            let is_parked =
                |event: &RecordedEvent| positions.binary_search(&event.position).is_ok();
            let events: Vec<_> = page.events.into_iter().filter(is_parked).collect();
            // What does not fit into a page is for the next time.
            let expected = positions.iter().filter(|position| **position <= page.through).count();
            if expected > 0 && events.len() == expected {
                return Ok(events);
            }
            if expected > 0 || !page.has_more {
                return Err(missing(blocked.position).into());
            }
            read = read.after(page.through);
        }
    }

    fn lease<'s>(&self, share: &'s Share, stream: &StreamId) -> Result<&'s Lease, Trouble> {
        let partition = Partition::of(stream, self.generation.partitions);
        let found = share.leases().iter().find(|lease| lease.partition == partition);
        found.ok_or(Trouble::Fenced)
    }
}

fn missing(position: Position) -> ReadError {
    let detail = "an event that was parked is not in the log".to_owned();
    ReadError::Corrupt { position, detail }
}

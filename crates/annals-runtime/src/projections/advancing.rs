//! Moving on in the log, a transaction at a time.

use std::sync::Arc;
use std::time::Duration;

use annals_core::telemetry::Stopwatch;
use annals_core::{
    ApplyError, Checkpoint, GenerationState, Hosts, Position, Projection, RecordedEvent,
};
use tokio::time::Instant;
use tracing::Instrument;

use super::batch::{Batch, Failed, Suspect};
use super::error::{ProjectionStopped, Trouble};
use super::meeting::MEETING_INTERVAL;
use super::options::ProjectionOptions;
use super::share::Share;
use super::telemetry;
use super::worker::Worker;
use crate::retry::Retry;
use crate::subscription::Subscription;

/// Events asked of the log at once.
const PAGE_EVENTS: usize = annals_core::limits::PAGE_EVENTS_MAX;

impl<P: Projection, D: Hosts<P>> Worker<P, D> {
    /// Writes the next stretch of the log. Says whether there may be more right behind it.
    pub(super) async fn step(
        &mut self,
        share: &mut Share,
        until: Instant,
    ) -> Result<bool, Trouble> {
        let projection = &self.generation.key.projection;
        let named = self.around.meetings.place(&*self.models, projection).await?;
        let meeting = self.attendance.place(named);
        if let Some(place) = meeting
            && share.lowest().position >= place.position
        {
            self.attendance.arrived(place);
            tokio::time::sleep(MEETING_INTERVAL).await;
            return Ok(true);
        }
        let gathered = self.gather(share, meeting, until).await?;
        let batch = match gathered {
            Ok(batch) => batch,
            Err(failed) => {
                let Failed { suspect, before, error } = failed;
                let attempts = self.suspicion.failed_behind(before, suspect.position);
                self.retry_or_park(share, attempts, suspect, &*error).await?;
                return Ok(true);
            }
        };
        if batch.to.position <= share.lowest().position {
            return Ok(false);
        }
        let Batch { changes, applied, queued, events, last, to, is_at_end, trace, .. } = batch;
        let advance = share.advance(to, &applied, queued);
        let begun = Instant::now();
        let changes = Arc::new(changes);
        let watch = Stopwatch::start();
        // What is done beside goes on with each event, and is no part of the batch.
        let applied = match self.before(&changes).await {
            Ok(()) => {
                let apply = self.models.apply(self.projection.clone(), changes.clone(), advance);
                apply.instrument(trace.span.clone()).await
            }
            Err(error) => Err(error),
        };
        trace.applied(&self.generation, (events, to.position), &watch, &applied);
        match (applied, last) {
            (Ok(()), _) => {
                self.pace.wrote(events, begun.elapsed());
                self.suspicion.passed(events, to.position);
                self.last_error = None;
                share.moved(to);
                self.beside.after(&self.generation, &changes);
                if is_at_end {
                    // There may be more by now, as there always is while the log is busy.
                    self.note_caught_up();
                }
                if self.generation.state == GenerationState::Serving {
                    self.around.visibility.moved(&self.generation.key.projection);
                }
            }
            (Err(ApplyError::Rejected { source }), Some(last)) => {
                let attempts = self.suspicion.failed(events, last.position);
                self.retry_or_park(share, attempts, last, &*source).await?;
            }
            (Err(error), last) => {
                let took = begun.elapsed();
                self.pace.wrote_in_vain(events, took);
                if let (ApplyError::Fenced, Some(last), 1) = (&error, last, events) {
                    self.check_fits(last.position, took)?;
                }
                return Err(error.into());
            }
        }
        Ok(true)
    }

    /// Gives up on an event whose transaction has outlasted its lease as often as an event may
    /// fail: with less than one event in it, the next will not be shorter.
    fn check_fits(&mut self, position: Position, took: Duration) -> Result<(), Trouble> {
        let ProjectionOptions { lease, retry, .. } = self.around.options;
        if took < lease {
            // Somebody else has the partition.
            return Ok(());
        }
        let attempts = self.suspicion.failed(1, position).unwrap_or_default();
        if attempts < retry.attempts_max {
            return Ok(());
        }
        Err(Trouble::Stopped(ProjectionStopped::TooSlow { position, took, lease }))
    }

    /// Reads on and projects, until there is enough for a transaction or nothing more, and no
    /// further than to `end`.
    async fn gather(
        &mut self,
        share: &Share,
        end: Option<Checkpoint>,
        until: Instant,
    ) -> Result<Result<Batch<P>, Failed>, Trouble> {
        let events_max = self
            .suspicion
            .events_max()
            .min(self.around.options.batch_events_max)
            .min(self.pace.events_max(self.around.options.lease / 4));
        let mut batch = Batch::<P>::new(share);
        let mut subscription = match self.subscription.take() {
            Some(subscription) => subscription,
            None => {
                let query = self.projection.query().map_err(ProjectionStopped::from);
                let query = query.map_err(Trouble::Stopped)?;
                Subscription::new(self.around.store.clone(), query)
                    .starting_at(share.lowest())
                    // The worker has leases to look after while the store is away.
                    .retry(Retry { attempts_max: 1, ..Retry::default() })
            }
        };
        while let Some(room) = batch.room(events_max) {
            let limit = PAGE_EVENTS.min(room);
            let Some(read) = subscription.try_next_batch(limit).await? else { break };
            let is_beyond = |position: Position| end.is_some_and(|end| position > end.position);
            if let Some(first) = read.events.first()
                && std::mem::take(&mut self.is_woken)
            {
                telemetry::woken_by(P::NAME, first);
            }
            let events = || read.events.iter().filter(|event| !is_beyond(event.position));
            let is_due = |it: &&RecordedEvent| share.due(&it.stream, it.position).is_some();
            batch.trace.read(&self.generation, events().filter(is_due));
            for event in events() {
                if let Err(failed) = batch.take(&self.projection, share, &self.blocked, event) {
                    return Ok(Err(failed));
                }
            }
            if let Some(end) = end
                && is_beyond(read.checkpoint.position)
            {
                // It has read too far, and begins anew where the others wait.
                batch.to = end;
                return Ok(Ok(batch));
            }
            (batch.to, batch.is_at_end) = (read.checkpoint, !read.has_more);
            if batch.is_at_end || Instant::now() >= until {
                break;
            }
        }
        self.subscription = Some(subscription);
        Ok(Ok(batch))
    }

    /// Deals with a batch that failed: nothing but trying less of it, until a single event has
    /// failed often enough to be parked.
    async fn retry_or_park(
        &mut self,
        share: &Share,
        attempts: Option<u32>,
        suspect: Suspect,
        error: &(dyn std::error::Error + Send + Sync + 'static),
    ) -> Result<(), Trouble> {
        self.subscription = None;
        let Some(attempts) = attempts else { return Ok(()) };
        self.note(error);
        telemetry::stumbled(P::NAME, telemetry::REJECTED);
        let retry = self.around.options.retry;
        if self.pause(&retry, attempts).await {
            return Ok(());
        }
        self.park(share, suspect.clone(), attempts, error).await?;
        self.suspicion.passed(1, suspect.position);
        let (blocked, blocked_max) = (self.blocked.len(), self.around.options.blocked_streams_max);
        if blocked > blocked_max {
            let reason = ProjectionStopped::TooManyBlocked { blocked, blocked_max };
            return Err(Trouble::Stopped(reason));
        }
        Ok(())
    }
}

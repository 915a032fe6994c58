//! Reading one stretch of the log: the events in it, and the event it ends with.

use std::future::Future;
use std::sync::Arc;

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{
    Checkpoint, CheckpointError, EventId, EventQuery, EventStore, Page, Position, Read, ReadError,
    RecordedEvent,
};

use super::error::SubscriptionError;
use super::verify::{find_event, missing, verify};
use crate::retry::Retry;

/// What is read, and how patiently.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) query: EventQuery,
    pub(super) retry: Retry,
}

/// Which events the store is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    /// Those of the query: for a long way, on which the others need not be looked at.
    Selected,
    /// All, and the query is asked here: for the end of the log, where few are new. One page then
    /// holds the checkpoint's event, what is new, and the event that the next checkpoint names,
    /// which otherwise takes three reads.
    Everything,
}

/// The selected events after one checkpoint and up to another.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) events: Vec<RecordedEvent>,
    /// Where it ends. The same as where it begins if there is nothing new.
    pub(super) end: Checkpoint,
    /// The log went on behind it.
    pub(super) has_more: bool,
}

/// The checkpoint after `event`.
pub(super) fn place(event: &RecordedEvent) -> Checkpoint {
    Checkpoint { position: event.position, event_id: Some(event.event_id) }
}

impl Source {
    /// Reads on after `from`, as far as a page reaches.
    pub(super) async fn read(
        &self,
        from: Checkpoint,
        scope: Scope,
    ) -> Result<Stretch, SubscriptionError> {
        self.retrying(|| self.read_once(from, scope)).await
    }

    pub(super) async fn verify(&self, checkpoint: Checkpoint) -> Result<(), SubscriptionError> {
        self.retrying(|| async { Ok(verify(&*self.store, checkpoint).await?) }).await
    }

    /// Repeats `attempt` while the store is unavailable.
    pub(super) async fn retrying<T, F>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, SubscriptionError>
    where
        F: Future<Output = Result<T, SubscriptionError>>,
    {
        let mut attempts = 0;
        loop {
            let error = match attempt().await {
                Err(SubscriptionError::Read(error @ ReadError::Unavailable { .. })) => error,
                answer => return answer,
            };
            attempts += 1;
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                attempts,
                "a subscription cannot read"
            );
            if !self.retry.pause_after(attempts).await {
                return Err(error.into());
            }
        }
    }

    async fn read_once(
        &self,
        from: Checkpoint,
        scope: Scope,
    ) -> Result<Stretch, SubscriptionError> {
        let selection = match scope {
            Scope::Selected => self.query.clone(),
            Scope::Everything => EventQuery::all(),
        };
        let (mut page, start) = self.page(from.position, selection).await?;
        let end = self.end(from, &page).await?;
        // After all other reads: a log that was replaced during them does not pass.
        match start {
            Some(start) if Some(start) == from.event_id => {}
            Some(_) => {
                return Err(CheckpointError::OtherHistory { position: from.position }.into());
            }
            None => verify(&*self.store, from).await?,
        }
        if let Scope::Everything = scope {
            page.events.retain(|event| self.query.matches(event));
        }
        Ok(Stretch { events: page.events, end, has_more: page.has_more })
    }

    /// The first page that reaches beyond `position`, or the last one; and the event at `position`,
    /// if that is selected. It is read as well because that saves looking for it.
    async fn page(
        &self,
        position: Position,
        selection: EventQuery,
    ) -> Result<(Page, Option<EventId>), ReadError> {
        let mut read = Read::query(selection).after(position.before()).limit(PAGE_EVENTS_MAX);
        let mut start = None;
        loop {
            let mut page = self.store.read(read.clone()).await?;
            if page.events.first().is_some_and(|first| first.position == position) {
                start = Some(page.events.remove(0).event_id);
            }
            if page.through > position || !page.has_more {
                return Ok((page, start));
            }
            read = read.after(page.through);
        }
    }

    /// The checkpoint at the end of `page`.
    async fn end(&self, from: Checkpoint, page: &Page) -> Result<Checkpoint, CheckpointError> {
        let position = page.through;
        if position <= from.position {
            return Ok(from);
        }
        match page.events.last() {
            Some(last) if last.position == position => Ok(place(last)),
            _ => match find_event(&*self.store, position).await? {
                Some(event_id) => Ok(Checkpoint { position, event_id: Some(event_id) }),
                None => Err(missing(&*self.store, position).await?),
            },
        }
    }
}

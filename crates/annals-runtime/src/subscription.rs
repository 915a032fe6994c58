//! Reading the log by query, from the beginning to its end and then as it grows.
//!
//! A subscription is pulled: it reads when it is asked for a batch, and at most one page ahead of
//! whoever asks. That bounds its memory and lets a slow reader slow nobody else down.

mod error;
mod named;
mod reading;
mod stretch;
mod verify;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{
    Checkpoint, CheckpointStore, DecodeError, DomainEvent, EventEnvelope, EventQuery, EventStore,
    RecordedEvent, codec,
};

pub use error::{RunError, SubscriptionError};
pub use named::NamedSubscription;
pub(crate) use verify::verify;

use crate::retry::Retry;
use reading::Reading;
use stretch::{Scope, Source, Stretch};

/// How long to wait for news before looking whether the log still has the checkpoint's event.
///
/// A log that lost its end stays behind the subscription until it has grown past it again, and no
/// news come until then. Ten seconds are soon enough to tell somebody, and one read by key in that
/// time costs nothing.
const IDLE_CHECK: Duration = Duration::from_secs(10);

/// How a store is met that is away: after some 30 seconds its error is returned.
///
/// That outlasts the failover of a database, and leaves the first pauses short for a connection
/// that only has to be opened again.
const RECONNECT: Retry = Retry {
    attempts_max: 20,
    pause_first: Duration::from_millis(20),
    pause_max: Duration::from_secs(5),
};

/// A reader of the log by query.
///
/// Raw, or as the events of a type after [`typed`](Subscription::typed). It remembers how far it is
/// as long as it lives; [`named`](Subscription::named) makes one that remembers for good.
///
/// # Guarantee
///
/// From its start on, every event that the query selects is handed out once, in the order of
/// positions. Nothing is handed out that does not follow, in this log, on what was handed out
/// before: with each page the event of the checkpoint is looked at again.
///
/// # Bounds
///
/// Beyond the batches in the hands of the caller it holds one page of
/// [`PAGE_EVENTS_MAX`] events and [`PAGE_BYTES_MAX`](annals_core::limits::PAGE_BYTES_MAX) bytes.
///
/// ```
/// use std::sync::Arc;
/// use annals_core::{EventQuery, MemoryStore};
/// use annals_runtime::Subscription;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let mut subscription = Subscription::new(Arc::new(MemoryStore::new()), EventQuery::all());
/// while let Some(batch) = subscription.try_next_batch(100).await? {
///     println!("{} events up to {}", batch.events.len(), batch.checkpoint.position);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Subscription<E = RecordedEvent> {
    source: Arc<Source>,
    decode: fn(RecordedEvent) -> Result<E, Box<DecodeError>>,
    /// After what was handed out last.
    checkpoint: Checkpoint,
    /// The page after the one that is being handed out.
    ahead: Option<Reading>,
    /// What is left of the page that is being handed out.
    rest: Option<Rest>,
    /// The last page ended with the log.
    is_at_end: bool,
}

/// Some events and how far the log has been read with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<E = RecordedEvent> {
    /// The selected events, in their order. There may be none, where the log holds only others.
    pub events: Vec<E>,
    /// After them, and after the events behind them that are not selected. Never the same as that
    /// of the batch before.
    pub checkpoint: Checkpoint,
    /// The log went on behind it when it was read: the next batch will not have to wait.
    pub has_more: bool,
}

struct Rest {
    events: vec::IntoIter<RecordedEvent>,
    end: Checkpoint,
    has_more: bool,
}

impl From<Stretch> for Rest {
    fn from(Stretch { events, end, has_more }: Stretch) -> Self {
        Self { events: events.into_iter(), end, has_more }
    }
}

impl Subscription {
    /// Reads the events of `store` that `query` selects, from the first one.
    ///
    /// Batches are read by a task that ends with the subscription, so it must be asked for them
    /// inside a tokio runtime.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, query: EventQuery) -> Self {
        Self {
            source: Arc::new(Source { store, query, retry: RECONNECT }),
            decode: Ok,
            checkpoint: Checkpoint::START,
            ahead: None,
            rest: None,
            is_at_end: false,
        }
    }

    /// The same events as those of `E`, with place and metadata.
    ///
    /// The query should select no others ([`types_of`](annals_core::types_of) makes one that does
    /// so). An event that does not decode is an error that names it, and is never passed over: the
    /// events before it are handed out, then the error is returned as often as one asks.
    #[must_use]
    pub fn typed<E: DomainEvent>(self) -> Subscription<EventEnvelope<E>> {
        Subscription {
            source: self.source,
            decode: |recorded| codec::decode_envelope(&recorded).map_err(Box::new),
            checkpoint: self.checkpoint,
            ahead: self.ahead,
            rest: self.rest,
            is_at_end: self.is_at_end,
        }
    }
}

impl<E> Subscription<E> {
    /// Begins after `checkpoint`, as an earlier batch named it.
    #[must_use]
    pub fn starting_at(self, checkpoint: Checkpoint) -> Self {
        Self { checkpoint, ahead: None, rest: None, is_at_end: false, ..self }
    }

    /// How a store is met that is unavailable, before its error is returned.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        let Source { store, query, .. } = (*self.source).clone();
        let source = Arc::new(Source { store, query, retry });
        Self { source, ahead: None, rest: None, ..self }
    }

    /// A reader that remembers under this name how far it is, and hands each batch to a function.
    pub fn named(
        self,
        name: impl Into<String>,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> NamedSubscription<E> {
        NamedSubscription::new(self, name.into(), checkpoints)
    }

    /// After what was handed out last, and before that where it begins.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// The next batch, of at most `limit` events (and at most [`PAGE_EVENTS_MAX`]). Waits if there
    /// is nothing new.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError`], whose variants say what to do next. The subscription stands where it
    /// stood; asking again goes on from there.
    ///
    /// # Cancellation
    ///
    /// Can be dropped at any time; nothing is lost.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Batch<E>, SubscriptionError> {
        loop {
            if self.is_at_end {
                self.wait_for_news().await?;
            }
            if let Some(batch) = self.try_next_batch(limit).await? {
                return Ok(batch);
            }
        }
    }

    /// As [`next_batch`](Subscription::next_batch), but nothing if there is nothing new.
    ///
    /// # Errors
    ///
    /// As [`next_batch`](Subscription::next_batch).
    ///
    /// # Cancellation
    ///
    /// As [`next_batch`](Subscription::next_batch).
    pub async fn try_next_batch(
        &mut self,
        limit: usize,
    ) -> Result<Option<Batch<E>>, SubscriptionError> {
        let rest = match self.rest.take() {
            Some(rest) => rest,
            None => Rest::from(self.read().await?),
        };
        if rest.end == self.checkpoint {
            self.is_at_end = true;
            return Ok(None);
        }
        self.hand_out(rest, limit.clamp(1, PAGE_EVENTS_MAX)).map(Some)
    }

    /// Makes sure that the checkpoint belongs to the log. Not needed before asking for a batch,
    /// which does so too.
    ///
    /// # Errors
    ///
    /// [`SubscriptionError::Checkpoint`], if it does not.
    pub async fn verify(&self) -> Result<(), SubscriptionError> {
        self.source.verify(self.checkpoint).await
    }

    /// The page that was read ahead, else the one after the checkpoint.
    async fn read(&mut self) -> Result<Stretch, SubscriptionError> {
        let (from, scope) = (self.checkpoint, self.scope());
        let start = || Reading::start(Arc::clone(&self.source), from, scope);
        // It stays in its place while it is awaited, so that nothing is lost if nobody waits on.
        let stretch = self.ahead.get_or_insert_with(start).finish().await;
        self.ahead = None;
        stretch
    }

    fn scope(&self) -> Scope {
        if self.is_at_end { Scope::Everything } else { Scope::Selected }
    }

    fn hand_out(&mut self, mut rest: Rest, limit: usize) -> Result<Batch<E>, SubscriptionError> {
        let mut events = Vec::with_capacity(limit.min(rest.events.len()));
        let mut last = self.checkpoint;
        for recorded in rest.events.by_ref().take(limit) {
            let place = stretch::place(&recorded);
            match (self.decode)(recorded) {
                Ok(event) => events.push(event),
                Err(error) if events.is_empty() => return Err(SubscriptionError::Decode(error)),
                // The events before it go first; it is read again for the next batch.
                Err(_) => return Ok(self.move_to(last, events, true)),
            }
            last = place;
        }
        if !rest.events.as_slice().is_empty() {
            let batch = self.move_to(last, events, true);
            self.rest = Some(rest);
            return Ok(batch);
        }
        let batch = self.move_to(rest.end, events, rest.has_more);
        if rest.has_more {
            let (source, scope) = (Arc::clone(&self.source), Scope::Selected);
            self.ahead = Some(Reading::start(source, rest.end, scope));
        }
        Ok(batch)
    }

    fn move_to(&mut self, to: Checkpoint, events: Vec<E>, has_more: bool) -> Batch<E> {
        (self.checkpoint, self.is_at_end) = (to, !has_more);
        Batch { events, checkpoint: to, has_more }
    }

    /// Waits until there may be something new, or it is time to look at the log all the same.
    async fn wait_for_news(&self) -> Result<(), SubscriptionError> {
        let position = self.checkpoint.position;
        let source = &*self.source;
        let news = source.retrying(|| async {
            source.store.wait_past(position).await?;
            Ok(())
        });
        // Too late is as good as in time: whoever waits looks at the log next.
        tokio::time::timeout(IDLE_CHECK, news).await.unwrap_or(Ok(()))
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("query", &self.source.query)
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

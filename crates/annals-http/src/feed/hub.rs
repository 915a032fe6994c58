//! The one reader of the log for all clients that are up to date.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use annals_core::{
    Checkpoint, EventQuery, EventStore, EventType, Position, Read, ReadError, RecordedEvent,
    StreamId,
};
use annals_runtime::{Subscription, SubscriptionError};
use bytes::Bytes;
use tokio::sync::{Semaphore, broadcast, watch};

use super::{FeedOptions, frame};

/// Most events that clients are woken for at once. Under load, waking thousands of them for each
/// event would cost more than all else.
const BATCH_EVENTS: usize = 32;

/// How many batches lie in the ring: what a client may be behind before it is cut off.
const RING_BATCHES: usize = 256;

/// Largest event that lies in the ring. A larger one is read from the log by each client that wants
/// it. With the two above, the ring has at most 32 MiB.
const INLINE_BYTES_MAX: usize = 4 * 1024;

/// Pause before a log is tried again that could not be read. The subscription has tried for half a
/// minute by then.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Hub {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) options: FeedOptions,
    /// How far the log has been read. Raised *before* the events are put into the ring: who has
    /// just begun to listen and sees position p will be told of every event after p.
    position: AtomicU64,
    ring: broadcast::Sender<Arc<[LiveEvent]>>,
    phase: watch::Sender<Phase>,
    pub(super) seats: Arc<Semaphore>,
    pub(super) readers: Semaphore,
}

/// Whether the log is being followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Live,
    Closed,
}

/// An event in the ring.
#[derive(Debug)]
pub(super) struct LiveEvent {
    pub(super) position: Position,
    pub(super) stream: StreamId,
    pub(super) event_type: EventType,
    /// `None` if it is too large to lie here.
    pub(super) frame: Option<Bytes>,
}

impl Hub {
    pub(super) fn new(store: Arc<dyn EventStore>, options: FeedOptions) -> Self {
        Self {
            store,
            options,
            position: AtomicU64::new(0),
            ring: broadcast::Sender::new(RING_BATCHES),
            phase: watch::Sender::new(Phase::Starting),
            seats: Arc::new(Semaphore::new(options.clients_max)),
            readers: Semaphore::new(options.readers_max.max(1)),
        }
    }

    pub(super) fn is_live(&self) -> bool {
        *self.phase.borrow() == Phase::Live
    }

    pub(super) fn clients(&self) -> usize {
        self.options.clients_max.saturating_sub(self.seats.available_permits())
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn position(&self) -> Position {
        Position::new(self.position.load(Ordering::SeqCst)).unwrap_or(Position::MAX)
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<[LiveEvent]>> {
        self.ring.subscribe()
    }

    pub(super) async fn run(
        &self,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), SubscriptionError> {
        let ended = tokio::select! {
            error = self.follow() => Err(error),
            () = shutdown => Ok(()),
        };
        self.phase.send_replace(Phase::Closed);
        ended
    }

    async fn follow(&self) -> SubscriptionError {
        let start = loop {
            match self.end_of_log().await {
                Ok(end) => break end,
                Err(error @ ReadError::Unavailable { .. }) => pause(&error).await,
                Err(error) => return error.into(),
            }
        };
        let store = Arc::clone(&self.store);
        let mut events = Subscription::new(store, EventQuery::all()).starting_at(start);
        self.position.store(start.position.get(), Ordering::SeqCst);
        self.phase.send_replace(Phase::Live);
        loop {
            match events.next_batch(BATCH_EVENTS).await {
                Ok(batch) => self.publish(&batch.events),
                Err(SubscriptionError::Read(error @ ReadError::Unavailable { .. })) => {
                    pause(&error).await;
                }
                Err(error) => return error,
            }
        }
    }

    fn publish(&self, events: &[RecordedEvent]) {
        let Some(last) = events.last() else { return };
        self.position.store(last.position.get(), Ordering::SeqCst);
        let live = events.iter().map(|event| {
            let content = event.payload.as_str().len() + event.metadata.as_str().len();
            let is_small = content <= INLINE_BYTES_MAX;
            LiveEvent {
                position: event.position,
                stream: event.stream.clone(),
                event_type: event.event_type.clone(),
                frame: is_small.then(|| frame::event(event).ok()).flatten(),
            }
        });
        // An error says that nobody listens.
        self.ring.send(live.collect()).map(drop).unwrap_or_default();
    }

    async fn end_of_log(&self) -> Result<Checkpoint, ReadError> {
        let head = self.store.head().await?;
        let read = Read::all().after(head.before()).up_to(head).limit(1);
        let page = self.store.read(read).await?;
        Ok(page.events.first().map_or(Checkpoint::START, |last| Checkpoint {
            position: last.position,
            event_id: Some(last.event_id),
        }))
    }
}

async fn pause(error: &ReadError) {
    tracing::warn!(error = error as &dyn std::error::Error, "the live feed cannot read the log");
    tokio::time::sleep(PAUSE).await;
}

//! One client of the feed: first what it has missed, then what happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use annals_core::{EventQuery, Position, Read, ReadError};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::credential::Credential;
use super::frame;
use super::hub::{Hub, LiveEvent, Phase};
use super::selection::Selection;
use crate::problem::{Kind, Problem};

/// Events that a client reads at once of what it has missed. This is what it holds in memory, so it
/// is small.
const CATCH_UP_EVENTS: usize = 32;

/// When to try again if there is no place: clients stay for long, so there is no hurry.
const RETRY_AFTER_SECONDS: u16 = 10;

#[derive(Debug)]
pub(super) struct Client {
    hub: Arc<Hub>,
    selection: Selection,
    /// Everything up to here was sent, or is not wanted.
    position: Position,
    /// What is to be sent next.
    pending: VecDeque<Bytes>,
    /// What was taken from the ring and is being looked at.
    batch: Option<Arc<[LiveEvent]>>,
    /// Listens to what happens once it is up to date.
    live: Option<Live>,
    phase: watch::Receiver<Phase>,
    next_heartbeat: Instant,
    credential: Credential,
    /// When it was last looked at.
    accepted_at: Instant,
    _seat: OwnedSemaphorePermit,
}

/// Every event after a position comes through the ring.
#[derive(Debug)]
struct Live {
    ring: broadcast::Receiver<Arc<[LiveEvent]>>,
    after: Position,
}

impl Client {
    pub(super) async fn connect(
        hub: &Arc<Hub>,
        credential: Credential,
        selection: Selection,
        after: Option<Position>,
    ) -> Result<Self, Problem> {
        let seat = Arc::clone(&hub.seats).try_acquire_owned().map_err(|_| full())?;
        let mut phase = hub.phase();
        let is_closed = phase.wait_for(|phase| *phase != Phase::Starting).await;
        if is_closed.map_or(true, |phase| *phase == Phase::Closed) {
            return Err(Problem::new(Kind::FEED_FULL, "the feed is closing; connect again"));
        }
        let position = after.unwrap_or_else(|| hub.position());
        // The reader may be a moment behind what a command has just told this client.
        if position > hub.position() && position > hub.store.head().await? {
            let detail = format!("the log has not come to position {position}: start anew");
            return Err(Problem::new(Kind::PRECONDITION_FAILED, detail));
        }
        Ok(Self {
            next_heartbeat: Instant::now() + hub.options.heartbeat,
            hub: Arc::clone(hub),
            selection,
            position,
            // Makes proxies and browsers see that it works, and names the place to come back to.
            pending: VecDeque::from([frame::place(position)]),
            batch: None,
            live: None,
            phase,
            credential,
            accepted_at: Instant::now(),
            _seat: seat,
        })
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, |mut client| async move {
            let frame = client.next().await?;
            if !client.is_accepted() {
                return None;
            }
            client.next_heartbeat = Instant::now() + client.hub.options.heartbeat;
            Some((Ok(frame), client))
        })
    }

    /// Whether it may be sent what is to be sent now, however long it was waited for.
    fn is_accepted(&mut self) -> bool {
        if self.accepted_at.elapsed() < self.hub.options.credentials_within {
            return true;
        }
        self.accepted_at = Instant::now();
        self.credential.is_accepted()
    }

    /// What to send next; `None` if the client is to connect again.
    async fn next(&mut self) -> Option<Bytes> {
        let mut phase = self.phase.clone();
        let next_heartbeat = self.next_heartbeat;
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => None,
            frame = self.next_frame() => frame,
            () = sleep_until(next_heartbeat) => Some(frame::place(self.position)),
        }
    }

    /// Can be dropped at any time: the position moves on only past what stands in `pending`.
    async fn next_frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.pending.pop_front() {
                return Some(frame);
            }
            let step = match (&self.batch, &mut self.live) {
                (Some(batch), _) => self.take(Arc::clone(batch)).await,
                (None, Some(live)) if self.position >= live.after => {
                    // Lagging, it was too slow.
                    self.batch = Some(live.ring.recv().await.ok()?);
                    Ok(())
                }
                _ => self.catch_up().await,
            };
            if let Err(error) = step {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a client of the feed is cut off");
                return None;
            }
        }
    }

    /// Takes what it wants of a batch from the ring.
    async fn take(&mut self, batch: Arc<[LiveEvent]>) -> Result<(), ReadError> {
        let known = self.position;
        for event in batch.iter().skip_while(|event| event.position <= known) {
            if self.selection.contains(&event.stream, &event.event_type) {
                let frame = match &event.frame {
                    Some(frame) => frame.clone(),
                    None => self.read_one(event.position).await?,
                };
                self.pending.push_back(frame);
            }
            self.position = event.position;
        }
        self.batch = None;
        Ok(())
    }

    /// Reads one page of what it has missed, or begins to listen if that is nothing.
    async fn catch_up(&mut self) -> Result<(), ReadError> {
        let up_to = match &self.live {
            Some(live) => live.after,
            None if self.position < self.hub.position() => self.hub.position(),
            None => {
                let ring = self.hub.listen();
                // Only then: every event after this position will come through the ring.
                self.live = Some(Live { ring, after: self.hub.position() });
                return Ok(());
            }
        };
        let _turn = self.hub.readers.acquire().await;
        let query = self.selection.query().unwrap_or_else(|_| EventQuery::all());
        let read = Read::query(query).after(self.position).up_to(up_to).limit(CATCH_UP_EVENTS);
        let page = self.hub.store.read(read).await?;
        for event in &page.events {
            if self.selection.contains(&event.stream, &event.event_type) {
                self.pending.push_back(frame::event(event)?);
            }
        }
        self.position = if page.has_more { page.through } else { up_to };
        Ok(())
    }

    async fn read_one(&self, position: Position) -> Result<Bytes, ReadError> {
        let _turn = self.hub.readers.acquire().await;
        let read = Read::all().after(position.before()).up_to(position).limit(1);
        let page = self.hub.store.read(read).await?;
        let missing = || ReadError::Corrupt { position, detail: "it is not there any more".into() };
        frame::event(page.events.first().ok_or_else(missing)?)
    }
}

fn full() -> Problem {
    Problem::new(Kind::FEED_FULL, "there are as many clients as it takes; try again later")
        .with_retry_after(RETRY_AFTER_SECONDS)
}

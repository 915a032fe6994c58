//! What could not be processed.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::EventType;
use crate::id::DeadLetterId;
use crate::partition::Partition;
use crate::position::Position;
use crate::read_models::{ApplyError, GenerationKey, Lease, ReadModelsError};
use crate::store::BoxFuture;
use crate::stream::StreamId;

/// An event that could not be processed and was parked. Its stream stands still in this generation:
/// later events of it queue up behind, in order, until it is retried with success or discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its name.
    pub id: DeadLetterId,
    /// Which generation could not process it.
    pub generation: GenerationKey,
    /// The partition of its stream.
    pub partition: Partition,
    /// The stream that stands still.
    pub stream: StreamId,
    /// Which event: its place in the log.
    pub position: Position,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Why it could not be processed, with causes, or [`DeadLetter::NOT_TRIED`].
    pub error: String,
    /// How often it was tried: not at all, if its turn in the queue has just come.
    pub attempts: u32,
    /// Since when there is this letter. It may have been about events before this one.
    pub since: DateTime<Utc>,
    /// When an event that it was about was last tried, or when there came to be this letter.
    pub last_attempt_at: DateTime<Utc>,
    /// Events of the stream that are queued behind it.
    pub queued: u64,
    /// What somebody asked to be done with it. The worker of the partition does it.
    pub request: Option<DeadLetterRequest>,
    /// When the request to discard it was followed; it is kept to tell of it, and blocks nothing.
    pub discarded_at: Option<DateTime<Utc>>,
}

impl DeadLetter {
    /// What a letter says of an event that is not to blame for anything: those before it in the
    /// queue are done with, and its turn has come.
    pub const NOT_TRIED: &str = "not tried yet: it was queued behind another event";
}

/// What to do with a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DeadLetterRequest {
    /// Try it again, and whatever is queued behind it.
    Retry {
        /// Who asks.
        by: String,
    },
    /// Leave the event out, and process what is queued behind it.
    Discard {
        /// Who asks.
        by: String,
        /// Why.
        why: String,
    },
}

/// An event to be parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the log.
    pub position: Position,
    /// What kind of event it is.
    pub event_type: EventType,
    /// Why it could not be processed, with causes.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// A stream that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedStream {
    /// Which one.
    pub stream: StreamId,
    /// The dead letter it stands still for.
    pub letter: DeadLetterId,
    /// The place of its event.
    pub position: Position,
    /// What somebody asked to be done.
    pub request: Option<DeadLetterRequest>,
}

/// Which dead letters are asked for, oldest first, which is in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Of this projection only.
    pub projection: Option<String>,
    /// The discarded ones instead of those that block a stream.
    pub is_discarded: bool,
    /// Those after this one, which may be gone meanwhile.
    pub after: Option<DeadLetterId>,
    /// At most so many, and at most [`LIST_ITEMS_MAX`](crate::limits::LIST_ITEMS_MAX).
    pub limit: usize,
}

/// What could not be processed.
pub trait DeadLetters: fmt::Debug + Send + Sync + 'static {
    /// Parks an event, in a transaction of its own: the one in which it failed cannot tell of it.
    /// If its stream already stands still, its letter is about this event from now on and counts
    /// the attempts on. A request is done with then, save one to discard this very event, which may
    /// have come while it was being tried.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Fenced`] if the lease is over.
    fn park(
        &self,
        lease: &Lease,
        letter: NewDeadLetter,
    ) -> BoxFuture<'_, Result<DeadLetterId, ApplyError>>;

    /// The streams of these partitions that stand still, by partition and position.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    fn blocked_streams(
        &self,
        generation: &GenerationKey,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<Vec<BlockedStream>, ReadModelsError>>;

    /// The places of the events queued behind a dead letter, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if it blocks nothing any more.
    fn queued_events(
        &self,
        letter: DeadLetterId,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Position>, ReadModelsError>>;

    /// A page of dead letters.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<Vec<DeadLetter>, ReadModelsError>>;

    /// One dead letter, discarded ones included.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if there is none.
    fn dead_letter(
        &self,
        letter: DeadLetterId,
    ) -> BoxFuture<'_, Result<DeadLetter, ReadModelsError>>;

    /// Asks for a dead letter to be retried or discarded. The worker of its partition does so as
    /// soon as it sees it: nobody else may write there.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if it blocks nothing (any more).
    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;
}

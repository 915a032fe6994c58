//! An append on its way to the writer.

use annals_core::telemetry::Origin;
use annals_core::{
    Append, AppendCondition, AppendError, Appended, CommandId, NewEvent, NothingNew, Position,
};
use tokio::sync::oneshot;

use crate::checksum::{Content, ContentChecksum};
use crate::row::write_tags;

/// What becomes of an append.
pub(crate) type Verdict = Result<Appended, AppendError>;

/// An append in the queue, and who waits for its verdict.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) append: PreparedAppend,
    pub(crate) origin: Origin,
    pub(crate) answer: oneshot::Sender<Verdict>,
}

/// An append with everything done that does not need the writer.
#[derive(Debug)]
pub(crate) struct PreparedAppend {
    pub(crate) events: Vec<PreparedEvent>,
    pub(crate) condition: AppendCondition,
    pub(crate) command_id: Option<CommandId>,
    pub(crate) bytes: usize,
    /// What a reader already found out about the condition's query.
    pub(crate) known: Option<Known>,
}

/// An event as it will be bound to the statement.
#[derive(Debug)]
pub(crate) struct PreparedEvent {
    pub(crate) event: NewEvent,
    pub(crate) tags: Option<String>,
    pub(crate) checksum: ContentChecksum,
}

/// The answer to "does anything match?" for a stretch of the log that will not change any more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// This event does.
    Match(Position),
    /// Nothing up to here does.
    NoneThrough(Position),
}

impl PreparedAppend {
    pub(crate) fn new(append: Append) -> Self {
        let bytes = append.content_bytes();
        let (events, condition, command_id) = append.into_parts();
        let events = events.into_iter().map(PreparedEvent::new).collect();
        Self { events, condition, command_id, bytes, known: None }
    }

    /// The condition's query, if more than `distance_max` events before `head` are to be searched.
    pub(crate) fn far_reaching_query(
        &self,
        head: Position,
        distance_max: u64,
    ) -> Option<&NothingNew> {
        self.condition
            .unless()
            .filter(|unless| head.get().saturating_sub(unless.after.get()) > distance_max)
    }
}

impl PreparedEvent {
    fn new(event: NewEvent) -> Self {
        let tags = write_tags(event.tags());
        let checksum = ContentChecksum::of(Content {
            aggregate_type: event.stream().aggregate_type(),
            aggregate_id: event.stream().aggregate_id(),
            event_type: event.event_type().as_str(),
            event_version: event.event_version(),
            event_id: event.event_id().as_uuid().as_bytes(),
            payload: event.payload().as_str(),
            metadata: event.metadata().as_str(),
            tags: tags.as_deref(),
        });
        Self { event, tags, checksum }
    }
}

//! What is built from the log for queries, and how.

use crate::append::BoxError;
use crate::domain_event::DomainEvent;
use crate::event::{EventEnvelope, EventType};
use crate::limits::{LimitError, QUERY_TYPES_MAX};
use crate::query::{EventQuery, QueryItem};

/// What is built from the log for queries, in the words of the domain.
///
/// A projection turns events into changes; how the changes become rows is said once more for each
/// database, beside this trait, and is SQL and nothing else. Changes of many events are collected
/// in memory first, so that a row that many of them touch is written once: describe a change to a
/// row as what to add to it or what to replace, not as what it looked like before.
///
/// # Guarantee
///
/// Every event that the query selects is applied exactly once in effect, the events of one stream
/// in their order, whatever crashes: changes and checkpoint are written in one transaction of the
/// read database. The same event may be projected several times on the way there, so
/// [`project`](Projection::project) must be pure.
pub trait Projection: Send + Sync + 'static {
    /// Its stable name, at most [`PROJECTION_NAME_BYTES_MAX`] bytes of `a-z 0-9 _`, beginning with
    /// a letter.
    ///
    /// [`PROJECTION_NAME_BYTES_MAX`]: crate::limits::PROJECTION_NAME_BYTES_MAX
    const NAME: &'static str;

    /// Version of the read model. Raise it when the tables or the meaning of what is in them
    /// change: the new version is then built beside the one that serves, from the start of the log.
    const VERSION: u32;

    /// Earlier versions whose read model holds the same rows. A rebuild compares the two before it
    /// switches. A rebuild of the same version is always compared.
    const SAME_AS: &'static [u32] = &[];

    /// Into how many shares the streams are divided, which is how many workers can share the work.
    ///
    /// More than 1 asks that a row is touched by the events of one stream only, or that the changes
    /// to it can be made in any order (sums, say): shares are written at different times.
    const PARTITIONS: u16 = 1;

    /// The events it wants: an enum, or a union of several aggregates' enums.
    type Event: DomainEvent;

    /// What a number of events changes.
    type Changes: Default + Send + Sync + 'static;

    /// Adds what `event` changes to `changes`.
    ///
    /// # Errors
    ///
    /// An event that this projection cannot make sense of. It is tried again a few times, then
    /// parked, with all later events of its stream behind it; the others flow on.
    fn project(
        &self,
        event: EventEnvelope<Self::Event>,
        changes: &mut Self::Changes,
    ) -> Result<(), BoxError>;

    /// The events it is given: those with a name of [`Projection::Event`], unless it says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if there are more names than a query can hold.
    fn query(&self) -> Result<EventQuery, LimitError> {
        types_of::<Self::Event>()
    }
}

/// Selects the events that have one of the names and aliases of `E`.
///
/// # Errors
///
/// [`LimitError`] if there are more names than a query can hold.
pub fn types_of<E: DomainEvent>() -> Result<EventQuery, LimitError> {
    let mut types = Vec::new();
    for kind in E::kinds() {
        for name in std::iter::once(&kind.name).chain(kind.aliases) {
            types.push(EventType::new(*name)?);
        }
    }
    let item =
        |types: &[EventType]| types.iter().cloned().fold(QueryItem::new(), QueryItem::event_type);
    EventQuery::any_of(types.chunks(QUERY_TYPES_MAX).map(item))
}

//! The contract of a store.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::append::{Append, AppendError, Appended};
use crate::id::{CommandId, LogId};
use crate::position::Position;
use crate::read::{Page, Read, ReadError};
use crate::stream::StreamId;

/// A future that can be sent between threads and kept in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A log of events.
///
/// # Guarantees
///
/// - **G1** An append writes all its events or none.
/// - **G2** What was acknowledged survives a crash of process, machine or database.
/// - **G3** Positions are 1, 2, 3, ... without holes, in commit order. Who has read position p
///   never later meets a new event at or below p.
/// - **G4** The sequences of one aggregate are 1, 2, 3, ... without holes, and rise with the
///   position.
/// - **G5** The append condition is checked in the same atomic step that writes. Of any number of
///   racers on one boundary, exactly one wins. "Must not exist" and "must be at n" are enforced
///   for every n, 0 included, and too high an n is a conflict as well. "Must be at n, with this
///   event" also refuses another event with the same sequence.
/// - **G6** An append repeated with its command id writes nothing and returns the first outcome,
///   also after a restart, also when both race.
/// - **G7** A refused append leaves no trace: nothing becomes readable, no position is used up.
/// - **G8** If the outcome cannot be known (connection lost during commit), the error says exactly
///   that, and repeating with the same command id resolves it.
/// - **G9** Events are never changed or removed; the database itself refuses it.
/// - **G10** Reads are bounded pages in position order; a page is one consistent view.
/// - **G11** Waiting for news never misses any: a lost wake-up costs delay, never an event.
/// - **G12** Payload and metadata come back as the same JSON value that was appended, for every
///   value serde can write, and the digest of an event is the same on every store. (One value is
///   refused up front, by every store: a NUL character inside a string.)
///
/// Each has a function of its own in the conformance suite (`annals-testing`), which every
/// implementation and every decorator must pass.
///
/// What a read shows is durable, and a read shows all that was acknowledged before it began. The
/// same goes for the head and for the outcomes of commands.
///
/// Beyond these, an implementation takes appends in the order in which their futures are first
/// polled. Callers use that to keep appends to one stream in flight together; they must not depend
/// on it for correctness, for which the condition is there.
///
/// # Cancellation
///
/// A dropped future of `append` leaves an unknown outcome, as in G8; repeating with the same
/// command id resolves it. The other futures can be dropped freely.
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Writes events under a condition.
    ///
    /// The command id is looked up first: a repeat returns the first outcome even if the condition
    /// does not hold any more. Then the expected sequences are compared in the order of their
    /// streams, then the query. The timestamp is the store's, never the caller's, and never earlier
    /// than that of the event before.
    ///
    /// # Errors
    ///
    /// [`AppendError`], whose variants say what to do next.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// [`ReadError`], whose variants say what to do next.
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>>;

    /// The position of the last event, [`Position::ZERO`] for an empty log.
    ///
    /// # Errors
    ///
    /// [`ReadError`], whose variants say what to do next.
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// Waits until the head is beyond `position` and returns the head; at once if it already is.
    ///
    /// # Errors
    ///
    /// [`ReadError`], whose variants say what to do next.
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// The outcome of the append with this command id, with `repeated` set; `None` if there is
    /// none (yet).
    ///
    /// # Errors
    ///
    /// [`ReadError`], whose variants say what to do next.
    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>>;

    /// The name of this log.
    fn log_id(&self) -> LogId;

    /// Whether it is certain, without a look at the log, that no event of `stream` is readable
    /// beyond `position`.
    ///
    /// `true` only if a read begun now would find none: whoever has the state of the stream as of
    /// `position` then has the current one. `false` says nothing, and is all that a store can say
    /// of a log that other processes write to.
    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        let _ = (stream, position);
        false
    }
}

impl<S: EventStore + ?Sized> EventStore for Arc<S> {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        (**self).append(append)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        (**self).read(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        (**self).head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        (**self).wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        (**self).find_command(id)
    }

    fn log_id(&self) -> LogId {
        (**self).log_id()
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        (**self).is_unchanged_since(stream, position)
    }
}

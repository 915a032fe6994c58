//! Stores with one bug each, to show that the conformance suite finds it.
//!
//! A check that cannot fail proves nothing. Each [`Sabotage`] is a mistake that real stores have
//! made; the tests of this crate show for each that its checks turn red, and that every check has
//! one.

mod append;
mod harness;
mod read;
mod read_models;
mod sagas;
mod snapshot;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_core::{
    Append, AppendError, Appended, BoxFuture, CommandId, EventId, EventStore, LogId, NewEvent,
    Page, Position, Read, ReadError, StreamId,
};
use tokio::sync::Notify;

pub use harness::Sabotaged;
pub use read_models::SabotagedReadModels;
pub use sagas::{SabotagedSagas, SagaSabotage};
pub use snapshot::SabotagedSnapshots;

/// One deliberate bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sabotage {
    /// No bug at all: the decorator itself changes nothing.
    None,

    /// The first event of an append is written by itself, the rest a little later.
    AppendIsTorn,
    /// The last event is gone when the log is opened again.
    TailIsForgotten,
    /// Positions are given out before the commit: an event becomes readable after a later one.
    EventComesLate,
    /// The sequence of an event is its position.
    SequenceCountsTheLog,

    /// "Must not exist" means "no check".
    MustNotExistIsUnchecked,
    /// Only a sequence that is too low is a conflict.
    TooHighIsAccepted,
    /// Of several expected sequences, only the first is compared.
    OnlyFirstStreamIsChecked,
    /// Of an expected event, only the sequence is compared.
    ExpectedEventIsIgnored,
    /// The condition is checked, and then the events are written: two steps.
    CheckThenAct,
    /// The query condition holds always.
    QueryConditionIsIgnored,
    /// Of a query's alternatives, only the first counts.
    OnlyFirstItemCounts,
    /// The first event after the known position is taken for known.
    KnownPositionIsOffByOne,

    /// Command ids are not kept.
    LedgerIsDropped,
    /// Command ids are kept in memory only.
    LedgerIsForgotten,
    /// Command ids are noted after the events are written: two steps.
    LedgerComesAfterwards,
    /// That a command led to nothing is not kept.
    EmptyAppendIsForgotten,
    /// The condition is checked before the ledger.
    ConditionComesBeforeLedger,

    /// A refused append takes a position.
    RefusalUsesAPosition,
    /// A refused append leaves its first event behind.
    RefusalLeavesAnEvent,
    /// A refused append stands in the ledger.
    RefusalStandsInLedger,
    /// A refused append takes those in flight with it.
    RefusalTakesNeighbours,
    /// Appends overtake each other.
    AppendsOvertake,
    /// Now and then "unavailable" is said of an append that was written.
    WrittenIsCalledUnavailable,

    /// Who goes around the store can change events.
    TamperingSucceeds,
    /// As [`Sabotage::TamperingSucceeds`], though the storage says that it refused.
    TamperingIsDenied,

    /// The limit of a read is ignored.
    PageIsUnbounded,
    /// The bound in bytes is ignored.
    PageIsUnboundedInBytes,
    /// Pages are in reverse order.
    PageIsReversed,
    /// A full page claims to be the last.
    PageClaimsTheEnd,
    /// The end of a page is determined after its events, and so is newer.
    PageHasTwoViews,
    /// The sequence behind which to read a stream is ignored.
    KnownSequenceIsIgnored,

    /// Reads come from a copy that is one event behind.
    AcknowledgedIsShownLate,
    /// Events are shown while it is not yet certain that they will stand there.
    UncertainIsShown,
    /// A stream is called unchanged when only the last event is new.
    LastChangeIsOverlooked,

    /// Who begins to wait looks first and listens afterwards.
    WakeUpIsLost,
    /// Waiters are woken one event too early.
    WakeUpIsEarly,

    /// JSON is read and written anew: numbers become floats, keys are sorted, spaces go.
    JsonIsNormalised,
    /// `\u0000` is cut out of the text, without a look at what stands before it.
    NulIsCutOut,
    /// Tags come back in another order.
    TagsAreReversed,
    /// Timestamps are those of a clock that is not monotone.
    TimeStepsBack,
}

/// A store with one bug.
#[derive(Debug)]
pub struct SabotagedStore {
    inner: Arc<dyn EventStore>,
    sabotage: Sabotage,
    memory: Arc<Mutex<Memory>>,
    /// Rung after each append, for the waiters of [`Sabotage::WakeUpIsLost`].
    news: Notify,
}

/// What the bugs keep track of. It belongs to the log and survives reopening.
#[derive(Debug, Default)]
struct Memory {
    hidden: HashSet<EventId>,
    ledger: HashMap<CommandId, Appended>,
    /// Events on their way into the log.
    uncertain: Vec<NewEvent>,
    appends: usize,
    refusals: usize,
    is_tampered: bool,
}

impl SabotagedStore {
    /// `inner` with one bug.
    #[must_use]
    pub fn new(inner: Arc<dyn EventStore>, sabotage: Sabotage) -> Self {
        Self::with_memory(inner, sabotage, Arc::default())
    }

    fn with_memory(
        inner: Arc<dyn EventStore>,
        sabotage: Sabotage,
        memory: Arc<Mutex<Memory>>,
    ) -> Self {
        Self { inner, sabotage, memory, news: Notify::new() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == sabotage
    }
}

/// Lets others run in between, often enough to be noticed.
async fn dawdle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

impl EventStore for SabotagedStore {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let outcome = self.sabotaged_append(append).await;
            self.news.notify_waiters();
            outcome
        })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(self.sabotaged_read(read))
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.inner.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        match self.sabotage {
            Sabotage::WakeUpIsLost => Box::pin(self.look_then_listen(position)),
            Sabotage::WakeUpIsEarly => self.inner.wait_past(position.before()),
            _ => self.inner.wait_past(position),
        }
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        if self.has_own_ledger() {
            let found = self.memory().ledger.get(&id).cloned();
            return Box::pin(async { Ok(found) });
        }
        self.inner.find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        let overlooked = u64::from(self.is(Sabotage::LastChangeIsOverlooked));
        self.inner.is_unchanged_since(stream, position.plus(overlooked))
    }
}

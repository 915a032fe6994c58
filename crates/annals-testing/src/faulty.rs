//! A store that fails when it is told to.

mod gate;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use annals_core::{
    Append, AppendError, Appended, BoxError, BoxFuture, CommandId, EventStore, LogId, Page,
    Position, Read, ReadError, Sequence, Snapshot, SnapshotError, SnapshotStore, StreamId,
};

pub use gate::Gate;

/// A decorator that makes chosen calls go wrong; all others reach the store inside unchanged.
///
/// Calls are counted from 1 when they are first polled, each kind by itself and all together, so
/// that a test can say "the second append" or "whatever comes first".
///
/// ```
/// use annals_core::{AppendError, EventStore, MemoryStore, Position};
/// use annals_testing::{Call, Fault, FaultyStore};
/// # use annals_core::{Append, AppendCondition, CommandId};
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
///
/// let store = FaultyStore::new(MemoryStore::new()).on(Call::Append, 1, Fault::AnswerCut);
/// # let append = Append::new(Vec::new(), AppendCondition::default(), Some(CommandId::new()))?;
///
/// // The append is written, and the caller cannot know. Repeating tells.
/// let outcome = store.append(append.clone()).await;
/// assert!(matches!(outcome, Err(AppendError::Unknown { .. })));
/// assert!(store.append(append).await?.repeated);
/// assert_eq!(store.calls(Call::Append), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A loop over n with [`Call::Any`] fails an operation of several steps at each of them.
///
/// # Cancellation
///
/// As the store inside; a call that is dropped while its gate is closed is not made.
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: HashMap<Call, usize>,
    faults: HashMap<(Call, usize), Fault>,
}

/// A kind of call to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// Every call, of whatever kind.
    Any,
    /// [`EventStore::append`].
    Append,
    /// [`EventStore::read`].
    Read,
    /// [`EventStore::head`].
    Head,
    /// [`EventStore::wait_past`].
    WaitPast,
    /// [`EventStore::find_command`].
    FindCommand,
    /// [`SnapshotStore::save`].
    SaveSnapshot,
    /// [`SnapshotStore::load`].
    LoadSnapshot,
}

/// What goes wrong with a call.
///
/// Where this says "unknown", only an append has an unknown outcome; all other calls say
/// "unavailable".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The call is not made; the store is unavailable.
    Unavailable,
    /// The call is not made; the store is closed.
    Closed,
    /// The call is lost on the way there: it is not made, and its outcome is unknown.
    RequestCut,
    /// The answer is lost on the way back: the call is made, and its outcome is unknown, whether it
    /// was refused or not.
    AnswerCut,
    /// The call arrives twice, one after the other. The first answer is returned.
    Duplicated,
    /// The call is made once the gate is open.
    Held(Gate),
    /// The call is made, and its answer comes once the gate is open.
    AnswerHeld(Gate),
    /// The call is not made and never answered.
    NeverAnswered,
}

impl<S> FaultyStore<S> {
    /// `inner`, without faults yet.
    pub fn new(inner: S) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// Makes the `number`th call of this kind go wrong, as [`FaultyStore::plan`] does.
    #[must_use]
    pub fn on(self, call: Call, number: usize, fault: Fault) -> Self {
        self.plan(call, number, fault);
        self
    }

    /// Makes the `number`th call of this kind go wrong, counted from the first call to this store.
    /// A later plan for the same call replaces an earlier one. If a call is planned by its own
    /// kind and by [`Call::Any`], its own kind counts.
    ///
    /// # Panics
    ///
    /// If that call has been made already, or `number` is 0: the fault would never happen, and the
    /// test would prove nothing.
    pub fn plan(&self, call: Call, number: usize, fault: Fault) {
        let mut plan = self.lock();
        let made = plan.calls.get(&call).copied().unwrap_or_default();
        assert!(number > made, "call {number} of {call:?} cannot fail: {made} were made already");
        plan.faults.insert((call, number), fault);
    }

    /// How many calls of this kind were made, those that went wrong included.
    pub fn calls(&self, call: Call) -> usize {
        self.lock().calls.get(&call).copied().unwrap_or_default()
    }

    /// How many planned faults have not happened yet.
    pub fn faults_left(&self) -> usize {
        self.lock().faults.len()
    }

    /// The store inside, to look at what really happened.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and says what goes wrong with it.
    fn next_fault(&self, call: Call) -> Option<Fault> {
        let mut plan = self.lock();
        let [any, own] = [Call::Any, call].map(|kind| {
            let number = plan.calls.entry(kind).or_default();
            *number += 1;
            (kind, *number)
        });
        let of_any = plan.faults.remove(&any);
        plan.faults.remove(&own).or(of_any)
    }

    /// Makes one call, or lets it go wrong.
    async fn call<'a, T, E: FaultError>(
        &'a self,
        call: Call,
        make: impl Fn(&'a S) -> BoxFuture<'a, Result<T, E>>,
    ) -> Result<T, E> {
        match self.next_fault(call) {
            None => make(&self.inner).await,
            Some(Fault::Unavailable) => Err(E::unavailable()),
            Some(Fault::Closed) => Err(E::closed()),
            Some(Fault::RequestCut) => Err(E::unknown("the request was cut off")),
            Some(Fault::AnswerCut) => {
                let _ = make(&self.inner).await;
                Err(E::unknown("the answer was cut off"))
            }
            Some(Fault::Duplicated) => {
                let first = make(&self.inner).await;
                let _ = make(&self.inner).await;
                first
            }
            Some(Fault::Held(gate)) => {
                gate.pass().await;
                make(&self.inner).await
            }
            Some(Fault::AnswerHeld(gate)) => {
                let answer = make(&self.inner).await;
                gate.pass().await;
                answer
            }
            Some(Fault::NeverAnswered) => std::future::pending().await,
        }
    }
}

/// An error that can stand for a fault.
trait FaultError {
    fn unavailable() -> Self;
    fn closed() -> Self;
    fn unknown(what: &'static str) -> Self;
}

const UNAVAILABLE: &str = "a planned fault made the store unavailable";
const CLOSED: &str = "a planned fault closed the store";

impl FaultError for AppendError {
    fn unavailable() -> Self {
        Self::Unavailable { source: UNAVAILABLE.into() }
    }

    fn closed() -> Self {
        Self::Closed { source: CLOSED.into() }
    }

    fn unknown(what: &'static str) -> Self {
        Self::Unknown { source: what.into() }
    }
}

impl FaultError for ReadError {
    fn unavailable() -> Self {
        Self::Unavailable { source: UNAVAILABLE.into() }
    }

    fn closed() -> Self {
        Self::Closed { source: CLOSED.into() }
    }

    fn unknown(what: &'static str) -> Self {
        Self::Unavailable { source: what.into() }
    }
}

impl FaultError for SnapshotError {
    fn unavailable() -> Self {
        Self(BoxError::from(UNAVAILABLE))
    }

    fn closed() -> Self {
        Self(BoxError::from(CLOSED))
    }

    fn unknown(what: &'static str) -> Self {
        Self(BoxError::from(what))
    }
}

impl<S: EventStore> EventStore for FaultyStore<S> {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.call(Call::Append, move |inner| inner.append(append.clone())))
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        Box::pin(self.call(Call::Read, move |inner| inner.read(read.clone())))
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.call(Call::Head, |inner| inner.head()))
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.call(Call::WaitPast, move |inner| inner.wait_past(position)))
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        Box::pin(self.call(Call::FindCommand, move |inner| inner.find_command(id)))
    }

    fn is_unchanged_since(&self, stream: &StreamId, position: Position) -> bool {
        self.inner.is_unchanged_since(stream, position)
    }
}

impl<S: SnapshotStore> SnapshotStore for FaultyStore<S> {
    fn save(&self, snapshot: Snapshot) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(self.call(Call::SaveSnapshot, move |inner| inner.save(snapshot.clone())))
    }

    fn load(
        &self,
        stream: StreamId,
        state_version: u32,
        up_to: Sequence,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(self.call(Call::LoadSnapshot, move |inner| {
            inner.load(stream.clone(), state_version, up_to)
        }))
    }
}

//! The application: a store, the services of the domain, and what is kept in memory about both.

use std::fmt;
use std::sync::Arc;

use annals_core::{Aggregate, Decision, EventStore, Sequence, SnapshotStore};

use crate::decide::Decide;
use crate::error::LoadError;
use crate::execute::Execute;
use crate::history::{self, History};
use crate::lanes::Lanes;
use crate::load::{self, At, Loaded, stream_id};
use crate::retry::Retry;

/// Executes commands and decisions on a store, and loads states from it.
///
/// `S` is the services that the aggregates and decisions ask for. Cloning shares everything.
pub struct App<S> {
    inner: Arc<Inner<S>>,
}

pub(crate) struct Inner<S> {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) snapshots: Option<Arc<dyn SnapshotStore>>,
    pub(crate) services: S,
    pub(crate) lanes: Lanes,
    pub(crate) options: Options,
}

/// Bounds of an [`App`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Most states kept in memory, for each type of aggregate.
    ///
    /// The least useful is dropped when a further one is needed; that only costs loading it again.
    /// With states of 200 bytes the default of 16,384 is about 8 MB.
    pub cached_states_max: usize,
    /// A snapshot is taken each time a stream grows past a multiple of this many events, and when
    /// loading had to replay that many.
    ///
    /// 500 events replay in about a millisecond, so smaller values save nothing that is felt. 0
    /// counts as 1; to take none, give the application no place for snapshots.
    pub snapshot_every: u64,
    /// How conflicts and unknown outcomes are met.
    pub retry: Retry,
}

impl Default for Options {
    fn default() -> Self {
        Self { cached_states_max: 16_384, snapshot_every: 500, retry: Retry::default() }
    }
}

impl<S: Send + Sync + 'static> App<S> {
    /// An application on `store`, without snapshots.
    pub fn new(store: Arc<dyn EventStore>, services: S) -> Self {
        Self::with_options(store, None, services, Options::default())
    }

    /// An application on `store` that keeps snapshots in `snapshots`, usually the same store.
    pub fn with_snapshots(
        store: Arc<dyn EventStore>,
        snapshots: Arc<dyn SnapshotStore>,
        services: S,
    ) -> Self {
        Self::with_options(store, Some(snapshots), services, Options::default())
    }

    /// An application with bounds of its own.
    pub fn with_options(
        store: Arc<dyn EventStore>,
        snapshots: Option<Arc<dyn SnapshotStore>>,
        services: S,
        options: Options,
    ) -> Self {
        let options = Options { snapshot_every: options.snapshot_every.max(1), ..options };
        let lanes = Lanes::new(options.cached_states_max);
        Self { inner: Arc::new(Inner { store, snapshots, services, lanes, options }) }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.inner.store
    }

    /// The services.
    #[must_use]
    pub fn services(&self) -> &S {
        &self.inner.services
    }

    /// Executes `command` on the aggregate `id`: await it, after saying more if need be.
    ///
    /// Commands for one aggregate are taken in the order they arrive and do not conflict with each
    /// other inside this application. A conflict with another process loads and decides again, as
    /// often as [`Options::retry`] allows.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is answered, the outcome is unknown: repeat it with the same command id.
    /// But do not keep it without polling it (as by `select!` on a reference to it, with other work
    /// in the branch that was faster): it may hold the turn, and other commands for the aggregate,
    /// and loading it, then wait for as long.
    pub fn execute<A: Aggregate<Services = S>>(
        &self,
        id: &A::Id,
        command: A::Command,
    ) -> Execute<'_, A> {
        Execute::new(&self.inner, id, command)
    }

    /// Makes `decision`: await it, after saying more if need be.
    ///
    /// Between reading and writing the log may move on; if that brings an event the decision
    /// depends on, it is made again, as often as [`Options::retry`] allows.
    pub fn decide<D: Decision<Services = S>>(&self, decision: D) -> Decide<'_, D> {
        Decide::new(&self.inner, decision)
    }

    /// The state now: everything acknowledged before this call is in it, and nothing that is not
    /// durable. An aggregate without events has its default state at sequence 0.
    ///
    /// # Errors
    ///
    /// [`LoadError`], whose variants say what to do next.
    pub async fn load<A: Aggregate<Services = S>>(
        &self,
        id: &A::Id,
    ) -> Result<Loaded<A>, LoadError> {
        load::load(&self.inner, &stream_id::<A>(id)?).await
    }

    /// The state at a sequence, at a position or at a time.
    ///
    /// # Errors
    ///
    /// [`LoadError::SequenceAhead`] for a sequence that the stream has not reached; else as
    /// [`App::load`]. A position or time ahead of the log gives the state now.
    pub async fn load_at<A: Aggregate<Services = S>>(
        &self,
        id: &A::Id,
        at: impl Into<At>,
    ) -> Result<Loaded<A>, LoadError> {
        load::load_at(&self.inner, stream_id::<A>(id)?, at.into()).await
    }

    /// One page of an aggregate's events after a sequence, oldest first, at most `limit` (and at
    /// most [`PAGE_EVENTS_MAX`](annals_core::limits::PAGE_EVENTS_MAX)).
    ///
    /// # Errors
    ///
    /// [`LoadError`], whose variants say what to do next.
    pub async fn history<A: Aggregate<Services = S>>(
        &self,
        id: &A::Id,
        after: Sequence,
        limit: usize,
    ) -> Result<History<A::Event>, LoadError> {
        history::history(&*self.inner.store, stream_id::<A>(id)?, after, limit).await
    }
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S> fmt::Debug for App<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("store", &self.inner.store)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

//! The application: a store, the services of the domain, and what is kept in memory about both.

use std::fmt;
use std::sync::Arc;

use annals_core::{Aggregate, Decision, EventStore, Sequence, SnapshotStore, StreamId};

use crate::decide::Decide;
use crate::engine::Engine;
use crate::error::LoadError;
use crate::execute::Execute;
use crate::history::{self, History};
use crate::joint::Joint;
use crate::lanes::Lanes;
use crate::load::{self, stream_id};
use crate::loaded::{At, Loaded};
use crate::options::Options;
use crate::resources::Resources;
use crate::visibility::Visibility;

/// Executes commands and decisions on a store, and loads states from it.
///
/// `S` is the services that the aggregates and decisions ask for. Cloning shares everything.
pub struct App<S> {
    engine: Arc<Engine<S>>,
    visibility: Option<Visibility>,
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
        let resources = Resources { store, snapshots, options };
        Self { engine: Arc::new(Engine { resources, services, lanes }), visibility: None }
    }

    /// The same application, whose commands can wait for read models: [`Execute::wait_for`] and
    /// [`Decide::wait_for`].
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility: Some(visibility), ..self }
    }

    /// Another application on the same store, snapshots and bounds, for aggregates that ask for
    /// other services.
    #[must_use]
    pub fn with_services<T: Send + Sync + 'static>(&self, services: T) -> App<T> {
        let Resources { store, snapshots, options } = &self.engine.resources;
        App::with_options(store.clone(), snapshots.clone(), services, *options)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.engine.resources.store
    }

    /// The services.
    #[must_use]
    pub fn services(&self) -> &S {
        &self.engine.services
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
        Execute::new(&self.engine, self.visibility.as_ref(), id, command)
    }

    /// A command to be written with another: see [`Execute::along`].
    pub(crate) fn joint<A: Aggregate<Services = S>>(
        &self,
        stream: StreamId,
        command: A::Command,
    ) -> Joint<'_, A> {
        Joint::new(&self.engine, stream, command)
    }

    /// Makes `decision`: await it, after saying more if need be.
    ///
    /// Between reading and writing the log may move on; if that brings an event the decision
    /// depends on, it is made again, as often as [`Options::retry`] allows.
    pub fn decide<D: Decision<Services = S>>(&self, decision: D) -> Decide<'_, D> {
        Decide::new(&self.engine, self.visibility.as_ref(), decision)
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
        load::load(&self.engine, &stream_id::<A>(id)?).await
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
        load::load_at(&self.engine.resources, stream_id::<A>(id)?, at.into()).await
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
        history::history(&*self.engine.resources.store, stream_id::<A>(id)?, after, limit).await
    }
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), visibility: self.visibility.clone() }
    }
}

impl<S> fmt::Debug for App<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("store", &self.engine.resources.store)
            .field("options", &self.engine.resources.options)
            .finish_non_exhaustive()
    }
}

//! Keeping read models up to date.

mod advancing;
mod batch;
mod beside;
mod blocked;
mod error;
mod lag;
mod meeting;
mod options;
mod pace;
mod parking;
mod promotion;
mod registration;
mod share;
mod status;
mod supervisor;
mod suspicion;
mod telemetry;
mod worker;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use annals_core::{
    Clock, DeadLetterId, DeadLetterQuery, DeadLetterRequest, EventStore, Generation, GenerationKey,
    GenerationState, Hosts, IfBehind, Projection, ReadError, ReadModels, ReadModelsError,
    SystemClock,
};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub(crate) use beside::Beside;
pub use error::ProjectionStopped;
pub(crate) use error::with_causes;
pub use options::ProjectionOptions;
pub use status::{CATCHING_UP_SECONDS, ProjectionState, ProjectionStatus};

use self::beside::NothingBeside;
use self::lag::Lag;
use self::meeting::Meetings;
use self::registration::{Registered, Registration};
use self::supervisor::Supervisor;
use self::worker::Surroundings;
use crate::visibility::Visibility;

/// The projections of an application: builds their read models, keeps them up to date, and tells
/// how they are getting on.
///
/// Cloning shares everything. Any number of processes may run the same projections on one read
/// database: they share the work by partitions, and when one is killed the others take over within
/// the time of a lease. A process that does not run them can still ask and order: what it orders is
/// done by those that do.
///
/// # Guarantee
///
/// Every event is applied exactly once in effect, those of one stream in their order. An event that
/// cannot be processed is parked after a few attempts; later events of its stream queue behind it,
/// all others flow on.
pub struct Projections<D> {
    models: Arc<D>,
    store: Arc<dyn EventStore>,
    registered: Vec<Arc<dyn Registered>>,
    options: ProjectionOptions,
    visibility: Visibility,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
}

impl<D: ReadModels> Projections<D> {
    /// Projections of `store` into `models`, none yet.
    pub fn new(store: Arc<dyn EventStore>, models: Arc<D>) -> Self {
        Self {
            visibility: Visibility::new(models.clone()),
            models,
            store,
            registered: Vec::new(),
            options: ProjectionOptions::default(),
            clock: Arc::new(SystemClock),
            wake: Arc::default(),
        }
    }

    /// Adds a projection.
    ///
    /// Of two versions of one projection both are kept up to date where they have been built; only
    /// the newest is built anew.
    ///
    /// # Panics
    ///
    /// If it was added before with the same version.
    #[must_use]
    pub fn with<P: Projection>(self, projection: P) -> Self
    where
        D: Hosts<P>,
    {
        self.with_beside(projection, Arc::new(NothingBeside))
    }

    /// Adds a projection with something that is done beside it.
    pub(crate) fn with_beside<P: Projection>(
        mut self,
        projection: P,
        beside: Arc<dyn Beside<P>>,
    ) -> Self
    where
        D: Hosts<P>,
    {
        let is_there =
            |other: &Arc<dyn Registered>| other.name() == P::NAME && other.version() == P::VERSION;
        assert!(
            !self.registered.iter().any(is_there),
            "projection {} version {} was added twice",
            P::NAME,
            P::VERSION
        );
        let models = self.models.clone();
        let projection = Arc::new(projection);
        self.registered.push(Arc::new(Registration { projection, models, beside }));
        self
    }

    /// Bounds of its own.
    #[must_use]
    pub fn options(mut self, options: ProjectionOptions) -> Self {
        self.options = options;
        self
    }

    /// Tells lag by `clock` instead of that of the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The read database.
    #[must_use]
    pub fn models(&self) -> &Arc<D> {
        &self.models
    }

    /// The log.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// For waiting until a read model is new enough.
    #[must_use]
    pub fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// Builds read models and keeps them up to date until `shutdown` is ready; transactions under
    /// way are finished first.
    ///
    /// # Errors
    ///
    /// [`ProjectionStopped`], at the end, if a generation could not go on; the others did.
    ///
    /// # Cancellation
    ///
    /// Dropped, it ends at once. Leases then end by themselves, and no event is lost or doubled.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ProjectionStopped> {
        let end = watch::Sender::new(false);
        let around = Surroundings {
            store: self.store,
            visibility: self.visibility,
            options: self.options,
            meetings: Meetings::default(),
            wake: self.wake,
            shutdown: end.subscribe(),
        };
        let supervisor = Supervisor {
            registered: self.registered,
            models: self.models,
            around,
            workers: HashMap::new(),
            tasks: JoinSet::new(),
            promoting: HashSet::new(),
            lag: Lag::new(),
        };
        let mut running = std::pin::pin!(supervisor.run());
        tokio::select! {
            ended = &mut running => return ended,
            () = shutdown => {}
        }
        end.send_replace(true);
        running.await
    }

    /// How all generations are getting on, by projection and number.
    ///
    /// # Errors
    ///
    /// [`StatusError`], whose variants say what could not be asked.
    pub async fn status(&self) -> Result<Vec<ProjectionStatus>, StatusError> {
        let mut all = Vec::new();
        for generation in self.models.generations().await? {
            match self.models.status(&generation.key).await {
                Ok(status) => {
                    all.push(ProjectionStatus::new(&*self.store, &*self.clock, status).await?);
                }
                // Retired between the two.
                Err(ReadModelsError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(all)
    }

    /// Begins to build a projection anew, from the start of the log, beside the generation that
    /// serves. Whoever runs the projections builds it, compares it with the one that serves where
    /// both should hold the same rows, and switches if they do.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if there is no such projection; [`ReadModelsError::Refused`]
    /// if one is being built already, or waits for a decision.
    pub async fn rebuild(&self, projection: &str) -> Result<Generation, ReadModelsError> {
        let of_this = self.registered.iter().filter(|other| other.name() == projection);
        let newest = of_this.max_by_key(|registered| registered.version());
        let newest = newest.ok_or_else(|| not_found(projection))?;
        let generation = newest.create(self.store.log_id()).await?;
        self.wake.notify_waiters();
        Ok(generation)
    }

    /// Has queries answered from a generation that was retained or held.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Moved`] if it does not catch up with the one that serves: nobody keeps it
    /// up to date. [`ReadModelsError::Refused`] if it is being built.
    pub async fn switch(&self, generation: &GenerationKey) -> Result<(), ReadModelsError> {
        let generations = self.models.generations().await?;
        let is_building = |other: &Generation| {
            other.key == *generation && other.state == GenerationState::Building
        };
        if generations.iter().any(is_building) {
            let reason = format!("{generation} is being built: it will serve when it is complete");
            return Err(ReadModelsError::Refused { reason });
        }
        if promotion::switch(&*self.models, generation, IfBehind::Refuse).await? {
            self.wake.notify_waiters();
            return Ok(());
        }
        Err(ReadModelsError::Moved { what: format!("{generation} is behind, and what serves") })
    }

    /// Goes back to the generation that served before.
    ///
    /// # Errors
    ///
    /// As [`Projections::switch`]; [`ReadModelsError::NotFound`] if none is retained.
    pub async fn rollback(&self, projection: &str) -> Result<Generation, ReadModelsError> {
        let generations = self.models.generations().await?;
        let retained = generations.into_iter().rfind(|generation| {
            generation.key.projection == projection && generation.state == GenerationState::Retained
        });
        let retained = retained.ok_or_else(|| ReadModelsError::NotFound {
            what: format!("retained generation of {projection}"),
        })?;
        self.switch(&retained.key).await?;
        Ok(retained)
    }

    /// Removes a generation with its tables.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::Refused`] if it serves.
    pub async fn retire(&self, generation: &GenerationKey) -> Result<(), ReadModelsError> {
        self.models.retire(generation).await?;
        self.wake.notify_waiters();
        Ok(())
    }

    /// Asks for a dead letter to be retried or discarded.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if it blocks nothing (any more).
    pub async fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> Result<(), ReadModelsError> {
        self.models.request(letter, request).await?;
        self.wake.notify_waiters();
        Ok(())
    }

    /// Asks for all dead letters to be retried, of one projection or of all. Gives how many.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next; some may have been asked for.
    pub async fn retry_all(
        &self,
        projection: Option<&str>,
        by: &str,
    ) -> Result<u64, ReadModelsError> {
        let mut query = DeadLetterQuery {
            projection: projection.map(str::to_owned),
            is_discarded: false,
            after: None,
            limit: annals_core::limits::LIST_ITEMS_MAX,
        };
        let mut count = 0;
        loop {
            let letters = self.models.dead_letters(query.clone()).await?;
            let Some(last) = letters.last() else { break };
            query.after = Some(last.id);
            for letter in letters {
                let request = DeadLetterRequest::Retry { by: by.to_owned() };
                match self.models.request(letter.id, request).await {
                    Ok(()) => count += 1,
                    // Settled between the two.
                    Err(ReadModelsError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.wake.notify_waiters();
        Ok(count)
    }
}

/// How projections are getting on could not be found out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The read database could not be asked.
    #[error("the read models could not be asked")]
    ReadModels(#[from] ReadModelsError),
    /// The log could not be asked.
    #[error("the log could not be read")]
    Log(#[from] ReadError),
}

fn not_found(projection: &str) -> ReadModelsError {
    ReadModelsError::NotFound { what: format!("projection {projection} in this program") }
}

impl<D> Clone for Projections<D> {
    fn clone(&self) -> Self {
        Self {
            models: self.models.clone(),
            store: self.store.clone(),
            registered: self.registered.clone(),
            options: self.options,
            visibility: self.visibility.clone(),
            clock: self.clock.clone(),
            wake: self.wake.clone(),
        }
    }
}

impl<D: fmt::Debug> fmt::Debug for Projections<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.registered.iter().map(|one| (one.name(), one.version())).collect();
        formatter
            .debug_struct("Projections")
            .field("models", &self.models)
            .field("projections", &names)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

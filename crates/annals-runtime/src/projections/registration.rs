//! A projection that takes part.

use std::sync::Arc;

use annals_core::{
    BoxFuture, Generation, GenerationKey, Hosts, LogId, NewGeneration, Projection, ReadModelsError,
};

use super::beside::Beside;
use super::error::ProjectionStopped;
use super::worker::{Pulse, Surroundings, Worker};

/// A projection and where its tables are, whatever their types.
pub(super) trait Registered: Send + Sync {
    fn name(&self) -> &'static str;

    fn version(&self) -> u32;

    /// Whether a build of this version should hold the same rows as one of `version`.
    fn is_same_as(&self, version: u32) -> bool;

    fn create(&self, log_id: LogId) -> BoxFuture<'_, Result<Generation, ReadModelsError>>;

    fn finish<'a>(
        &'a self,
        generation: &'a GenerationKey,
    ) -> BoxFuture<'a, Result<(), ReadModelsError>>;

    fn work(
        &self,
        around: Surroundings,
        generation: Generation,
        pulse: Arc<Pulse>,
    ) -> BoxFuture<'static, Result<(), ProjectionStopped>>;
}

pub(super) struct Registration<P, D> {
    pub(super) projection: Arc<P>,
    pub(super) models: Arc<D>,
    pub(super) beside: Arc<dyn Beside<P>>,
}

impl<P: Projection, D: Hosts<P>> Registered for Registration<P, D> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn version(&self) -> u32 {
        P::VERSION
    }

    fn is_same_as(&self, version: u32) -> bool {
        version == P::VERSION || P::SAME_AS.contains(&version)
    }

    fn create(&self, log_id: LogId) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        self.models.create(self.projection.clone(), NewGeneration { log_id })
    }

    fn finish<'a>(
        &'a self,
        generation: &'a GenerationKey,
    ) -> BoxFuture<'a, Result<(), ReadModelsError>> {
        self.models.finish(self.projection.clone(), generation)
    }

    fn work(
        &self,
        around: Surroundings,
        generation: Generation,
        pulse: Arc<Pulse>,
    ) -> BoxFuture<'static, Result<(), ProjectionStopped>> {
        let (models, projection) = (self.models.clone(), self.projection.clone());
        let beside = self.beside.clone();
        Box::pin(Worker::new(around, models, projection, beside, generation, pulse).run())
    }
}

//! Looking after the projections.

use std::sync::Arc;

use annals::{
    DeadLetter, DeadLetterId, DeadLetterQuery, DeadLetterRequest, DeadLetters, Generation,
    GenerationKey, ProjectionStatus, ReadModelsError, StatusError,
};

use annals_http::ProjectionsAdmin;

use super::{ReadModels, on_either};

impl ReadModels {
    /// All of the below, for the admin API.
    #[must_use]
    pub fn admin(&self) -> Arc<dyn ProjectionsAdmin> {
        on_either!(self, projections => Arc::new(projections.clone()))
    }

    /// How all generations are getting on, by projection and number.
    ///
    /// # Errors
    ///
    /// [`StatusError`], whose variants say what could not be asked.
    pub async fn status(&self) -> Result<Vec<ProjectionStatus>, StatusError> {
        on_either!(self, projections => projections.status().await)
    }

    /// Begins to build a projection anew, beside the generation that serves.
    ///
    /// # Errors
    ///
    /// As [`Projections::rebuild`](annals::Projections::rebuild).
    pub async fn rebuild(&self, projection: &str) -> Result<Generation, ReadModelsError> {
        on_either!(self, projections => projections.rebuild(projection).await)
    }

    /// Has queries answered from a generation that was retained or held.
    ///
    /// # Errors
    ///
    /// As [`Projections::switch`](annals::Projections::switch).
    pub async fn switch(&self, generation: &GenerationKey) -> Result<(), ReadModelsError> {
        on_either!(self, projections => projections.switch(generation).await)
    }

    /// Goes back to the generation that served before.
    ///
    /// # Errors
    ///
    /// As [`Projections::rollback`](annals::Projections::rollback).
    pub async fn rollback(&self, projection: &str) -> Result<Generation, ReadModelsError> {
        on_either!(self, projections => projections.rollback(projection).await)
    }

    /// Removes a generation with its tables.
    ///
    /// # Errors
    ///
    /// As [`Projections::retire`](annals::Projections::retire).
    pub async fn retire(&self, generation: &GenerationKey) -> Result<(), ReadModelsError> {
        on_either!(self, projections => projections.retire(generation).await)
    }

    /// A page of dead letters.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`], whose variants say what to do next.
    pub async fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>, ReadModelsError> {
        on_either!(self, projections => projections.models().dead_letters(query).await)
    }

    /// One dead letter.
    ///
    /// # Errors
    ///
    /// [`ReadModelsError::NotFound`] if there is none.
    pub async fn dead_letter(&self, letter: DeadLetterId) -> Result<DeadLetter, ReadModelsError> {
        on_either!(self, projections => projections.models().dead_letter(letter).await)
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
        on_either!(self, projections => projections.request(letter, request).await)
    }

    /// Asks for all dead letters to be retried, of one projection or of all. Gives how many.
    ///
    /// # Errors
    ///
    /// As [`Projections::retry_all`](annals::Projections::retry_all).
    pub async fn retry_all(
        &self,
        projection: Option<&str>,
        by: &str,
    ) -> Result<u64, ReadModelsError> {
        on_either!(self, projections => projections.retry_all(projection, by).await)
    }
}

//! Looking after the read models.

use std::fmt;
use std::sync::Arc;

use annals_core::{
    BoxFuture, DeadLetterId, DeadLetterRequest, Generation, GenerationKey, ReadModels,
    ReadModelsError,
};
use annals_runtime::{ProjectionStatus, Projections, StatusError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problems::{
    AlreadyBuilding, MalformedNumber, NoGeneration, NoProjection, NoRetained, NotCatchingUp,
    NotReady, ReadModelsUnavailable, Serving, Unavailable,
};
use super::schema::{GenerationSchema, ProjectionStatusSchema};
use crate::parameters::Segments;
use crate::problem::Problem;

/// What can be asked of the projections of a service, whatever their read database: all
/// [`Projections`] can.
pub trait ProjectionsAdmin: fmt::Debug + Send + Sync + 'static {
    /// As [`Projections::models`].
    fn read_models(&self) -> &dyn ReadModels;

    /// As [`Projections::status`].
    ///
    /// # Errors
    ///
    /// [`StatusError`].
    fn status(&self) -> BoxFuture<'_, Result<Vec<ProjectionStatus>, StatusError>>;

    /// As [`Projections::rebuild`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn rebuild(&self, projection: String) -> BoxFuture<'_, Result<Generation, ReadModelsError>>;

    /// As [`Projections::rollback`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn rollback(&self, projection: String) -> BoxFuture<'_, Result<Generation, ReadModelsError>>;

    /// As [`Projections::switch`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn switch(&self, generation: GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>>;

    /// As [`Projections::retire`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn retire(&self, generation: GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>>;

    /// As [`Projections::request`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>>;

    /// As [`Projections::retry_all`].
    ///
    /// # Errors
    ///
    /// [`ReadModelsError`].
    fn retry_all(
        &self,
        projection: Option<String>,
        by: String,
    ) -> BoxFuture<'_, Result<u64, ReadModelsError>>;
}

impl<D: ReadModels> ProjectionsAdmin for Projections<D> {
    fn read_models(&self) -> &dyn ReadModels {
        &**self.models()
    }

    fn status(&self) -> BoxFuture<'_, Result<Vec<ProjectionStatus>, StatusError>> {
        Box::pin(self.status())
    }

    fn rebuild(&self, projection: String) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        Box::pin(async move { self.rebuild(&projection).await })
    }

    fn rollback(&self, projection: String) -> BoxFuture<'_, Result<Generation, ReadModelsError>> {
        Box::pin(async move { self.rollback(&projection).await })
    }

    fn switch(&self, generation: GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(async move { self.switch(&generation).await })
    }

    fn retire(&self, generation: GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(async move { self.retire(&generation).await })
    }

    fn request(
        &self,
        letter: DeadLetterId,
        request: DeadLetterRequest,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(self.request(letter, request))
    }

    fn retry_all(
        &self,
        projection: Option<String>,
        by: String,
    ) -> BoxFuture<'_, Result<u64, ReadModelsError>> {
        Box::pin(async move { self.retry_all(projection.as_deref(), &by).await })
    }
}

type Of = Arc<dyn ProjectionsAdmin>;

pub(super) fn routes<S: Clone + Send + Sync + 'static>(projections: &Of) -> OpenApiRouter<S> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(leases))
        .routes(routes!(rebuild))
        .routes(routes!(rollback))
        .routes(routes!(switch))
        .routes(routes!(retire))
        .with_state(Arc::clone(projections))
}

/// How all projections are getting on.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectionsBody {
    /// Their generations, by projection and number.
    #[schema(value_type = Vec<ProjectionStatusSchema>)]
    projections: Vec<ProjectionStatus>,
}

/// How all projections are getting on
#[utoipa::path(
    get,
    path = "/projections",
    tag = "admin",
    responses(
        (
            status = 200,
            description = "Their generations, by projection and number",
            body = ProjectionsBody
        ),
        Unavailable,
    )
)]
async fn list(State(projections): State<Of>) -> Result<Json<ProjectionsBody>, Problem> {
    Ok(Json(ProjectionsBody { projections: projections.status().await? }))
}

/// Who works on which partition.
#[derive(Debug, Serialize, ToSchema)]
struct LeaseBody {
    /// Of which projection.
    projection: String,
    /// Of which generation of it.
    generation: u32,
    /// Which partition.
    partition: u16,
    /// Who works on it; nobody if it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
}

/// Who works on what.
#[derive(Debug, Serialize, ToSchema)]
struct LeasesBody {
    /// All partitions of all generations.
    leases: Vec<LeaseBody>,
}

/// Who works on which partition of which projection
#[utoipa::path(
    get,
    path = "/leases",
    tag = "admin",
    responses(
        (status = 200, description = "All partitions", body = LeasesBody),
        Unavailable,
    )
)]
async fn leases(State(projections): State<Of>) -> Result<Json<LeasesBody>, Problem> {
    let mut leases = Vec::new();
    for status in projections.status().await? {
        let key = &status.generation.key;
        leases.extend(status.partitions.iter().map(|one| LeaseBody {
            projection: key.projection.clone(),
            generation: key.number,
            partition: one.partition.get(),
            worker: one.worker.map(|worker| worker.to_string()),
        }));
    }
    Ok(Json(LeasesBody { leases }))
}

/// Build a read model anew, beside the one that serves
///
/// It is switched to once it has caught up and shows the same, where both should.
#[utoipa::path(
    post,
    path = "/projections/{projection}/rebuild",
    tag = "admin",
    params(("projection" = String, Path, description = "Its name")),
    responses(
        (status = 202, description = "It has begun", body = GenerationSchema),
        NoProjection,
        AlreadyBuilding,
        ReadModelsUnavailable,
    )
)]
async fn rebuild(
    State(projections): State<Of>,
    Segments(projection): Segments<String>,
) -> Result<(StatusCode, Json<Generation>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(projections.rebuild(projection).await?)))
}

/// Go back to the generation that served before
#[utoipa::path(
    post,
    path = "/projections/{projection}/rollback",
    tag = "admin",
    params(("projection" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "It serves again", body = GenerationSchema),
        NoRetained,
        NotCatchingUp,
        ReadModelsUnavailable,
    )
)]
async fn rollback(
    State(projections): State<Of>,
    Segments(projection): Segments<String>,
) -> Result<Json<Generation>, Problem> {
    Ok(Json(projections.rollback(projection).await?))
}

/// Have queries answered from a generation that was retained or held
#[utoipa::path(
    post,
    path = "/projections/{projection}/generations/{number}/switch",
    tag = "admin",
    params(
        ("projection" = String, Path, description = "Its name"),
        ("number" = u32, Path, description = "Which generation"),
    ),
    responses(
        (status = 204, description = "It serves"),
        MalformedNumber,
        NoGeneration,
        NotReady,
        ReadModelsUnavailable,
    )
)]
async fn switch(
    State(projections): State<Of>,
    Segments((projection, number)): Segments<(String, u32)>,
) -> Result<StatusCode, Problem> {
    projections.switch(GenerationKey { projection, number }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a generation with its tables
#[utoipa::path(
    delete,
    path = "/projections/{projection}/generations/{number}",
    tag = "admin",
    params(
        ("projection" = String, Path, description = "Its name"),
        ("number" = u32, Path, description = "Which generation"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        MalformedNumber,
        NoGeneration,
        Serving,
        ReadModelsUnavailable,
    )
)]
async fn retire(
    State(projections): State<Of>,
    Segments((projection, number)): Segments<(String, u32)>,
) -> Result<StatusCode, Problem> {
    projections.retire(GenerationKey { projection, number }).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Looking after a service: what is in the log, how read models and sagas are getting on, what
//! stands still.
//!
//! A console and a command line use these routes and have no other way in.

mod aggregates;
mod dead_letters;
mod log;
mod problems;
mod projections;
mod sagas;
mod schema;
mod states;
mod streams;
mod why;

use std::sync::Arc;

use annals_core::EventStore;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use self::aggregates::Aggregates;
pub use self::projections::ProjectionsAdmin;
pub use self::sagas::SagasAdmin;
use crate::context::RequestMetadata;
use crate::problem::ProblemBody;

/// What the admin API is about.
///
/// Its routes are meant to be nested below `/admin`, behind whatever lets only operators in. Of all
/// they do, only orders for sagas are written to the log.
#[derive(Debug, Clone)]
pub struct Admin {
    store: Arc<dyn EventStore>,
    aggregates: Aggregates,
    projections: Option<Arc<dyn ProjectionsAdmin>>,
    sagas: Option<Arc<dyn SagasAdmin>>,
}

impl Admin {
    /// The admin API of a log.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store, aggregates: Aggregates::default(), projections: None, sagas: None }
    }

    /// Shows the states of these aggregates as well.
    #[must_use]
    pub fn aggregates(self, aggregates: Aggregates) -> Self {
        Self { aggregates, ..self }
    }

    /// Looks after these projections as well.
    #[must_use]
    pub fn projections(self, projections: Arc<dyn ProjectionsAdmin>) -> Self {
        Self { projections: Some(projections), ..self }
    }

    /// Looks after these sagas as well. Orders are followed by whoever runs them.
    #[must_use]
    pub fn sagas(self, sagas: Arc<dyn SagasAdmin>) -> Self {
        Self { sagas: Some(sagas), ..self }
    }

    /// The routes, without a prefix. Those about read models and sagas are there if there are any.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> OpenApiRouter<S> {
        let mut routes = OpenApiRouter::with_openapi(Described::openapi())
            .merge(log::routes(&self.store))
            .merge(streams::routes(&self.store))
            .merge(states::routes(&self.aggregates));
        if let Some(projections) = &self.projections {
            routes = routes
                .merge(projections::routes(projections))
                .merge(dead_letters::routes(projections));
        }
        if let Some(sagas) = &self.sagas {
            routes = routes.merge(sagas::routes(sagas, &self.store));
        }
        routes
    }
}

/// What no route brings into the description by itself.
#[derive(Debug, OpenApi)]
#[openapi(components(schemas(ProblemBody<'static>)))]
struct Described;

/// Who asks, for what is kept about it.
#[derive(Debug)]
struct Operator(String);

/// What stands where nobody has to prove who they are.
const NOBODY: &str = "unauthenticated";

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let metadata = parts.extensions.get::<RequestMetadata>();
        let actor = metadata.and_then(|metadata| metadata.0.actor.clone());
        Ok(Self(actor.unwrap_or_else(|| NOBODY.to_owned())))
    }
}

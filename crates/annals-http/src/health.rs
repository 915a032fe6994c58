//! Whether the service lives, and whether it can do its work.

mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{BoxFuture, EventStore};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::ProjectionsAdmin;
use crate::feed::Feed;

/// How long an answer is good for. However often somebody asks, the log and the read models are
/// asked once in this time: looking after the service must not be what brings it down.
const FRESH: Duration = Duration::from_secs(1);

/// How long a check may take before it counts as failed. Whoever asks usually waits for one to five
/// seconds.
const CHECK_WITHIN: Duration = Duration::from_millis(900);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What must work for the service to be ready: `GET /readyz`; and that it lives: `GET /livez`.
///
/// `/livez` says that requests are answered, and nothing else: who restarts a service for it must
/// not do so because a database is away. `/readyz` tries each thing it names, at most once a
/// second. Both say no more than everybody may know.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    last: Arc<Mutex<Option<(Instant, Readiness)>>>,
}

/// What `/readyz` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// All checks succeeded.
    is_ready: bool,
    /// Each of them.
    checks: Vec<CheckResult>,
}

/// What came out of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckResult {
    /// What was tried.
    name: &'static str,
    /// Whether it works.
    is_ok: bool,
    /// What does not, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What `/livez` says.
#[derive(Debug, Serialize, ToSchema)]
struct Liveness {
    /// Always so.
    is_alive: bool,
}

impl Health {
    /// Nothing to check yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check of the application's own. What it says is told to whoever asks.
    #[must_use]
    pub fn check<F>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// The log can be read and written. It is found out by an append that is refused, so nothing is
    /// written.
    #[must_use]
    pub fn log(self, store: Arc<dyn EventStore>) -> Self {
        let reads = Arc::clone(&store);
        self.check("log_reads", move || {
            let store = Arc::clone(&reads);
            async move { store.head().await.map(drop).map_err(|_| "the log cannot be read".into()) }
        })
        .check("log_writes", move || writer::check(Arc::clone(&store)))
    }

    /// Each of these projections has a generation that serves, is worked on, and is at most
    /// `lag_seconds_max` behind.
    #[must_use]
    pub fn projections(
        self,
        projections: Arc<dyn ProjectionsAdmin>,
        names: impl IntoIterator<Item = &'static str>,
        lag_seconds_max: f64,
    ) -> Self {
        let names: Arc<[&'static str]> = names.into_iter().collect();
        self.check("projections", move || {
            let (projections, names) = (Arc::clone(&projections), Arc::clone(&names));
            async move {
                let Ok(all) = projections.status().await else {
                    return Err("the read models cannot be read".into());
                };
                let is_healthy = |name: &str| {
                    all.iter().any(|status| {
                        status.generation.key.projection == name
                            && status.is_healthy(lag_seconds_max)
                    })
                };
                let ill: Vec<_> = names.iter().copied().filter(|name| !is_healthy(name)).collect();
                match ill.is_empty() {
                    true => Ok(()),
                    false => Err(format!("behind, or nobody works on it: {}", ill.join(", "))),
                }
            }
        })
    }

    /// The live feed follows the log.
    #[must_use]
    pub fn feed(self, feed: Feed) -> Self {
        self.check("feed", move || {
            let is_live = feed.is_live();
            async move { if is_live { Ok(()) } else { Err("it does not follow the log".into()) } }
        })
    }

    /// The routes `/livez` and `/readyz`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> OpenApiRouter<S> {
        OpenApiRouter::default()
            .routes(routes!(livez))
            .routes(routes!(readyz))
            .with_state(self.clone())
    }

    async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < FRESH
        {
            return readiness.clone();
        }
        let checks = self.checks.iter().map(|(name, check)| async move {
            let result = timeout(CHECK_WITHIN, check()).await;
            let result = result.unwrap_or_else(|_| Err("it takes too long".into()));
            CheckResult { name, is_ok: result.is_ok(), detail: result.err() }
        });
        let checks = futures_util::future::join_all(checks).await;
        let readiness = Readiness { is_ready: checks.iter().all(|check| check.is_ok), checks };
        if !readiness.is_ready {
            tracing::warn!(checks = ?readiness.checks, "the service is not ready");
        }
        last.insert((Instant::now(), readiness)).1.clone()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        formatter.debug_struct("Health").field("checks", &names).finish_non_exhaustive()
    }
}

/// Whether the service lives
#[utoipa::path(
    get,
    path = "/livez",
    tag = "health",
    responses((status = 200, description = "It does", body = Liveness)),
)]
async fn livez() -> Json<Liveness> {
    Json(Liveness { is_alive: true })
}

/// Whether the service can do its work
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "It can", body = Readiness),
        (
            status = 503,
            description = "Something does not work; send requests elsewhere",
            body = Readiness
        ),
    ),
)]
async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = match readiness.is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness))
}

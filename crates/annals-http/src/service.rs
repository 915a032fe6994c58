//! The routes of an application with everything around them that each of them needs.

mod admission;
mod headers;
mod sites;

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::map_request_body::MapRequestBodyLayer;

use self::admission::Admission;
use crate::body::BodyLimits;
use crate::etag::Known;
use crate::problem::{Kind, Problem};
use crate::{CONSISTENCY_TOKEN_HEADER, IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER, request_id};

/// Bounds of a [`Service`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// Bounds of bodies.
    pub body: BodyLimits,
    /// How long a request may take until its answer begins; 503 after that.
    ///
    /// Longer than a command waits for a database that fails over, so that an answer which is still
    /// possible is still given.
    pub request_within: Duration,
    /// Most requests that are answered at the same time; another one is answered 503 at once.
    ///
    /// Waiting in line makes everybody slow; being sent away makes clients that can come back do
    /// so. Clients of the live feed do not count once they are connected.
    pub requests_max: usize,
    /// Whose requests are answered.
    pub callers: Callers,
    /// Origins of the web pages that may use the service from a browser, such as
    /// `https://app.example`. None, unless they are named.
    pub cors_origins: Vec<HeaderValue>,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            body: BodyLimits::default(),
            request_within: Duration::from_secs(30),
            requests_max: 1_024,
            callers: Callers::Anywhere,
            cors_origins: Vec::new(),
        }
    }
}

/// Whose requests are answered, before anybody is asked who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Everybody's. Authentication is asked for by other means.
    Anywhere,
    /// Those of programs and pages of this machine, by one of its loopback names. For a service
    /// without authentication, where being on the machine is all the right a caller has: a browser
    /// on it would lend that right to every page it shows.
    ThisMachine,
}

/// The routes of an application with what is around them.
///
/// From the outside in: a name for each request; headers that make browsers careful; pages of other
/// sites; conditional requests; CORS, closed unless origins are named; compression (gzip, zstd);
/// a panic becomes a 500; bounds on requests and bodies; metadata for events; decompression of
/// bodies. Paths and methods that do not exist are problems like all others.
///
/// Authentication is a layer as well, by [`Service::behind`].
#[derive(Debug)]
pub struct Service {
    routes: Router,
    public: Router,
    options: ServiceOptions,
}

impl Service {
    /// A service of these routes.
    #[must_use]
    pub fn new(routes: impl Into<Router>, options: ServiceOptions) -> Self {
        let routes = routes.into().fallback(|| async {
            Problem::new(Kind::UNKNOWN_PATH, "there is nothing at this path")
        });
        Self { routes: refuse_other_methods(routes), public: Router::new(), options }
    }

    /// Puts layers around the routes, and around every path and method that does not exist: who
    /// may not use the service does not learn what there is.
    #[must_use]
    pub fn behind(self, layers: impl FnOnce(Router) -> Router) -> Self {
        Self { routes: layers(self.routes), ..self }
    }

    /// Adds routes that are for everybody, and are answered however many requests are under way:
    /// health, and the description of the API.
    #[must_use]
    pub fn with_public(mut self, routes: impl Into<Router>) -> Self {
        self.public = self.public.merge(routes.into());
        self
    }

    /// All of it, to be served.
    pub fn into_router(self) -> Router {
        let Self { routes, public, options } = self;
        let ServiceOptions { body, callers, cors_origins, .. } = options.clone();
        // Few and wide: each layer of a router has its own boxes and clones for every request.
        let inside = ServiceBuilder::new()
            .layer(from_fn_with_state(Admission::new(&options), admission::admit))
            .layer(RequestDecompressionLayer::new())
            .layer(MapRequestBodyLayer::new(Body::new))
            // For extractors of axum; those of this crate have it from the admission.
            .layer(DefaultBodyLimit::max(body.bytes_max));
        let outside = ServiceBuilder::new()
            .layer(from_fn_with_state(callers, surround))
            .option_layer((!cors_origins.is_empty()).then(|| cors(cors_origins)))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(panicked));
        routes.layer(inside).merge(refuse_other_methods(public)).layer(outside)
    }
}

/// What is around every answer, whoever gives it.
async fn surround(State(callers): State<Callers>, request: Request, next: Next) -> Response {
    request_id::named(request, |request| async move {
        let known = Known::of(&request);
        let mut response = match callers.check(request.headers()) {
            Ok(()) => known.apply(next.run(request).await),
            Err(problem) => problem.into_response(),
        };
        headers::make_browsers_careful(response.headers_mut());
        response
    })
    .await
}

fn refuse_other_methods(routes: Router) -> Router {
    routes.method_not_allowed_fallback(|| async {
        let detail = "see the Allow header for what is possible";
        Problem::new(Kind::METHOD_NOT_ALLOWED, detail)
    })
}

/// The panic itself was told on standard error, by whoever handles panics in the process.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without text"), "a request met a panic");
    let detail = "the log of the service says more, under this request id";
    Problem::new(Kind::INTERNAL, detail).into_response()
}

/// How long a browser may remember what it was told about CORS: the longest that browsers accept
/// is two hours.
const CORS_MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            CONSISTENCY_TOKEN_HEADER,
            IDEMPOTENCY_KEY_HEADER,
            REQUEST_ID_HEADER,
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
            HeaderName::from_static("baggage"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            CONSISTENCY_TOKEN_HEADER,
            REQUEST_ID_HEADER,
        ])
        .max_age(CORS_MAX_AGE)
}

//! The description of an API, and a page to try it out on.

mod command_problems;
mod guarded;
mod operations;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use self::command_problems::CommandProblems;
pub use self::guarded::guarded;
use crate::problem::{Kind, Problem};

/// What the page may do: run its own script, which sets styles of its own and talks to the service
/// it came from. Nothing is loaded from anywhere else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The routes `/openapi.json`, with the description, and `/docs`, a page that shows it and sends
/// requests. Its scripts and styles are in the program: it works without any other network.
///
/// Operations are named by method and path, such as `get_accounts_id`.
pub fn documentation(mut openapi: OpenApi) -> Router {
    operations::name(&mut openapi);
    // Without this, the page asks a validator on the internet about the description.
    let config = Config::default().validator_url("none");
    Router::from(SwaggerUi::new("/docs").url("/openapi.json", openapi).config(config))
        .layer(from_fn(page))
}

async fn page(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status().is_client_error() {
        let detail = "there is nothing at this path";
        return Problem::new(Kind::UNKNOWN_PATH, detail).into_response();
    }
    let policy = HeaderValue::from_static(PAGE_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

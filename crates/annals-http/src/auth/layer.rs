//! Who is let in, and what they may do: around the routes of a service.

use annals_runtime::with_context;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::authentication::Authentication;
use super::denied::Denied;
use super::principal::Principal;
use super::role::Role;
use crate::context::RequestMetadata;

/// Finds out who sends each request, and refuses it if that cannot be.
///
/// A layer around all routes that are not for everybody, also around those that do not exist: a
/// stranger does not learn which do. The [`Principal`] stands in the extensions of the request, and
/// is the actor of all that is executed in it. Requests of a principal beyond the rate are refused.
///
/// ```
/// use annals_http::auth::{self, Authentication, Role};
/// use axum::Router;
/// use axum::middleware::from_fn_with_state;
/// use axum::routing::{get, post};
///
/// let authentication = Authentication::new();
/// let commands = Router::new()
///     .route("/accounts", post(|| async {}))
///     .route_layer(from_fn_with_state(Role::Teller, auth::require));
/// let queries = Router::new()
///     .route("/accounts", get(|| async {}))
///     .route_layer(from_fn_with_state(Role::Reader, auth::require));
/// let service: Router = commands
///     .merge(queries)
///     .layer(from_fn_with_state(authentication, auth::authenticate));
/// # drop(service);
/// ```
pub async fn authenticate(
    State(authentication): State<Authentication>,
    request: Request,
    next: Next,
) -> Response {
    let principal = match authentication.authenticate(request.headers()) {
        Ok(principal) => principal,
        Err(denied) => return denied.into_response(),
    };
    let Some(buckets) = authentication.buckets() else {
        return answer(principal, request, next).await;
    };
    match buckets.take(&principal) {
        Ok(remaining) => {
            let mut response = answer(principal, request, next).await;
            if let Some(remaining) = remaining {
                remaining.tell(response.headers_mut());
            }
            response
        }
        Err(exceeded) => Denied::TooMany(exceeded).into_response(),
    }
}

async fn answer(principal: Principal, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions_mut();
    let RequestMetadata(metadata) = extensions.remove().unwrap_or_default();
    let metadata = principal.sign(metadata);
    extensions.insert(RequestMetadata(metadata.clone()));
    extensions.insert(principal);
    with_context(metadata, next.run(request)).await
}

/// Lets in those who have a role, or one that includes it: a layer around some routes, inside of
/// [`authenticate`].
///
/// Where that is missing nobody is let in.
pub async fn require(State(needed): State<Role>, request: Request, next: Next) -> Response {
    match request.extensions().get::<Principal>() {
        Some(principal) if principal.may(needed) => next.run(request).await,
        Some(_) => Denied::Forbidden { needed }.into_response(),
        None => Denied::Unauthenticated.into_response(),
    }
}

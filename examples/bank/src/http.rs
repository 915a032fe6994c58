//! The bank over HTTP: JSON in, JSON out, every error a problem.
//!
//! | Request | Answer |
//! |---|---|
//! | `POST /accounts` | opens an account: 201 |
//! | `GET /accounts/{id}` | the account, with `?at_sequence=` or `?at=` as it was then: 200 |
//! | `GET /accounts/{id}/history` | what happened to it; `?after=` and `?limit=` make pages: 200 |
//! | `POST /accounts/{id}/deposits` | pays in: 200 |
//! | `POST /accounts/{id}/withdrawals` | takes out: 200 |
//! | `POST /accounts/{id}/close` | closes it: 200 |
//!
//! Amounts are whole minor units. An `Idempotency-Key` makes a request safe to repeat. What can go
//! wrong is listed at [`Kind`].

mod accounts;
mod address;
mod context;
mod extract;
mod greeting;
mod idempotency;
mod local;
mod problem;
mod server;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::bank::Bank;

pub use self::address::{LocalAddress, LocalAddressError};
pub use self::problem::{Kind, Problem};
pub use self::server::{ServeError, serve};

/// Largest body of a request. The largest that makes sense has about 1,000 bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// All routes.
pub(crate) fn router(bank: Bank) -> Router {
    Router::new()
        .route("/accounts", post(accounts::open))
        .route("/accounts/{id}", get(accounts::show))
        .route("/accounts/{id}/history", get(accounts::history))
        .route("/accounts/{id}/deposits", post(accounts::deposit))
        .route("/accounts/{id}/withdrawals", post(accounts::withdraw))
        .route("/accounts/{id}/close", post(accounts::close))
        .fallback(|| async { Problem::new(Kind::UNKNOWN_PATH, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::METHOD_NOT_ALLOWED, "see the Allow header for what is possible")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(local::refuse_other_sites))
        .layer(middleware::from_fn(context::with_request_context))
        .with_state(bank)
}

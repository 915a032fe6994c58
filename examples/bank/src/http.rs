//! The bank over HTTP: JSON in, JSON out, every error a problem.
//!
//! | Request | Answer |
//! |---|---|
//! | `POST /accounts` | opens an account: 201 |
//! | `GET /accounts` | active accounts, newest first; `?after=` and `?limit=` make pages: 200 |
//! | `GET /total-balance` | what is on all active accounts together: 200 |
//! | `GET /accounts/{id}` | the account, with `?at_sequence=` or `?at=` as it was then: 200 |
//! | `GET /accounts/{id}/history` | what happened to it; `?after=` and `?limit=` make pages: 200 |
//! | `GET /accounts/{id}/summary` | the account as queries see it: 200 |
//! | `GET /accounts/{id}/statements` | the months in which something moved, newest first: 200 |
//! | `GET /accounts/{id}/statements/{period}` | what moved in a month such as `2026-01`: 200 |
//! | `GET /projections` | how the read models are getting on: 200 |
//! | `POST /accounts/{id}/deposits` | pays in: 200 |
//! | `POST /accounts/{id}/withdrawals` | takes out: 200 |
//! | `POST /accounts/{id}/close` | closes it: 200 |
//! | `POST /transfers` | has money moved: 202, then the transfer says where it stands |
//! | the same with `Prefer: wait=5` | waits for its end, at most so many seconds: 200, or 202 |
//! | the same with `"mode": "instant"` | moves it in one step: 201 |
//! | `GET /transfers/{id}` | a transfer, and what happened to it: 200 |
//!
//! Amounts are whole minor units. An `Idempotency-Key` makes a request safe to repeat. Every
//! command is answered with a `Consistency-Token`; a query of a read model that presents it is
//! answered from one that knows of that command, or told how far it is. What can go wrong is listed
//! at [`Kind`].

mod accounts;
mod address;
mod consistency;
mod context;
mod extract;
mod greeting;
mod idempotency;
mod local;
mod problem;
mod queries;
mod server;
mod transfers;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware;
use axum::routing::{get, post};

use crate::bank::{Bank, Queries};
use crate::transfers::Transfers;

pub use self::address::{LocalAddress, LocalAddressError};
pub use self::problem::{Kind, Problem};
pub use self::server::{ServeError, serve};

/// Largest body of a request. The largest that makes sense has about 1,000 bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What requests are answered by.
#[derive(Debug, Clone)]
pub struct Service {
    /// What changes accounts, and knows them as they are.
    pub bank: Bank,
    /// What moves money between them.
    pub transfers: Transfers,
    /// What is built from that for queries.
    pub queries: Queries,
}

impl FromRef<Service> for Bank {
    fn from_ref(service: &Service) -> Self {
        service.bank.clone()
    }
}

impl FromRef<Service> for Queries {
    fn from_ref(service: &Service) -> Self {
        service.queries.clone()
    }
}

impl FromRef<Service> for Transfers {
    fn from_ref(service: &Service) -> Self {
        service.transfers.clone()
    }
}

/// All routes.
pub(crate) fn router(service: Service) -> Router {
    Router::new()
        .route("/accounts", post(accounts::open).get(queries::active_accounts))
        .route("/total-balance", get(queries::active_total))
        .route("/projections", get(queries::projections))
        .route("/accounts/{id}", get(accounts::show))
        .route("/accounts/{id}/history", get(accounts::history))
        .route("/accounts/{id}/summary", get(queries::summary))
        .route("/accounts/{id}/statements", get(queries::statements))
        .route("/accounts/{id}/statements/{period}", get(queries::statement))
        .route("/accounts/{id}/deposits", post(accounts::deposit))
        .route("/accounts/{id}/withdrawals", post(accounts::withdraw))
        .route("/accounts/{id}/close", post(accounts::close))
        .route("/transfers", post(transfers::ask))
        .route("/transfers/{id}", get(transfers::show))
        .fallback(|| async { Problem::new(Kind::UNKNOWN_PATH, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::METHOD_NOT_ALLOWED, "see the Allow header for what is possible")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(local::refuse_other_sites))
        .layer(middleware::from_fn(context::with_request_context))
        .with_state(service)
}

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
//! | `POST /accounts/{id}/deposits` | pays in: 200 |
//! | `POST /accounts/{id}/withdrawals` | takes out: 200 |
//! | `POST /accounts/{id}/close` | closes it: 200 |
//! | `POST /transfers` | has money moved: 202, then the transfer says where it stands |
//! | the same with `Prefer: wait=5` | waits for its end, at most so many seconds: 200, or 202 |
//! | the same with `"mode": "instant"` | moves it in one step: 201 |
//! | `GET /transfers/{id}` | a transfer, and what happened to it: 200 |
//! | `GET /events` | what happens, as it happens: server-sent events |
//! | `GET /livez`, `GET /readyz` | whether it lives, and can do its work |
//! | `/admin/...` | looking after log, read models, dead letters and sagas |
//!
//! Amounts are whole minor units. An `Idempotency-Key` makes a request safe to repeat. Every
//! command is answered with a `Consistency-Token`; a query of a read model that presents it is
//! answered from one that knows of that command, or told how far it is. The `ETag` of an account is
//! its sequence, and `If-Match` makes a command depend on it. What can go wrong is listed at
//! [`Kind`](annals_http::Kind) and in `http/problem.rs`.

mod accounts;
mod address;
mod answers;
mod extract;
mod greeting;
mod parameters;
mod problem;
mod queries;
mod roles;
mod schema;
mod server;
mod transfers;

use std::sync::Arc;

use annals_http::auth::{self, Authentication};
use annals_http::{
    Admin, Aggregates, Callers, Feed, Health, ServiceOptions, documentation, guarded,
};
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::account::Account;
use crate::bank::{Bank, Queries};
use crate::http::schema::BankApi;
use crate::read_models::PROJECTIONS;
use crate::transfer::Transfer;
use crate::transfers::Transfers;

pub use self::address::{ListenAddress, ListenAddressError};
pub use self::server::{Listen, ServeError, serve};
pub use annals_http::TlsFiles;

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

impl FromRef<Arc<Service>> for Bank {
    fn from_ref(service: &Arc<Service>) -> Self {
        service.bank.clone()
    }
}

impl FromRef<Arc<Service>> for Queries {
    fn from_ref(service: &Arc<Service>) -> Self {
        service.queries.clone()
    }
}

impl FromRef<Arc<Service>> for Transfers {
    fn from_ref(service: &Arc<Service>) -> Self {
        service.transfers.clone()
    }
}

/// How far a projection may be behind, in seconds, for the bank to be ready: as long as a query
/// waits for it at most. Those of sagas as well, without which no transfer comes to its end.
const LAG_SECONDS_MAX: f64 = 8.0;

/// The bank with everything that is around its routes.
fn assemble(
    service: Service,
    feed: &Feed,
    authentication: Authentication,
    callers: Callers,
) -> annals_http::Service {
    let app = service.bank.app().clone();
    let read_models = service.queries.read_models();
    let projections = read_models.admin();
    let health = Health::new()
        .log(app.store().clone())
        .projections(projections.clone(), PROJECTIONS, LAG_SECONDS_MAX)
        .feed(feed.clone());
    let aggregates = Aggregates::default().with::<Account>(&app).with::<Transfer>(&app);
    let admin = Admin::new(app.store().clone())
        .aggregates(aggregates)
        .projections(projections)
        .sagas(read_models.sagas());
    let (public, about_health) = health.routes().split_for_parts();
    let (routes, openapi) = routes()
        .with_state(Arc::new(service))
        .merge(feed.routes())
        .nest("/admin", admin.routes())
        .split_for_parts();
    let mut openapi = guarded(openapi);
    openapi.merge(about_health);
    let mut options = ServiceOptions::default();
    options.callers = callers;
    let ask = from_fn_with_state(authentication, auth::authenticate);
    annals_http::Service::new(routes, options)
        .behind(|routes| routes.layer((ask, from_fn(roles::require_role))))
        .with_public(public)
        .with_public(documentation(openapi))
}

/// The routes of the bank.
fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(BankApi::openapi())
        .routes(routes!(accounts::open, queries::active_accounts))
        .routes(routes!(queries::active_total))
        .routes(routes!(accounts::show))
        .routes(routes!(accounts::history))
        .routes(routes!(queries::summary))
        .routes(routes!(queries::statements))
        .routes(routes!(queries::statement))
        .routes(routes!(accounts::deposit))
        .routes(routes!(accounts::withdraw))
        .routes(routes!(accounts::close))
        .routes(routes!(transfers::ask))
        .routes(routes!(transfers::show))
}

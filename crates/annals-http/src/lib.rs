//! HTTP for Annals: the building blocks of a service that people like to call.
//!
//! An application writes handlers with axum and returns [`Answer`]s and [`Problem`]s. What comes in
//! is read by extractors that refuse everything which is not as it must be.
//!
//! | Block | What it is for |
//! |---|---|
//! | [`Problem`], [`Kind`], [`Refusal`] | what went wrong, as RFC 9457 |
//! | [`Asked`], [`Terms`] | a command with `Idempotency-Key`, `If-Match`, `If-None-Match` |
//! | [`Answer`] | JSON with `ETag` and `Consistency-Token` |
//! | [`AtLeast`] | a query that takes an earlier command into account |
//! | [`Body`], [`Parameters`], [`Segments`] | what a request carries |
//! | [`PageLimit`], [`Cursor`] | lists in pages |
//! | [`Feed`] | what happens, as it happens |
//! | [`Health`] | `/livez` and `/readyz` |
//! | [`Admin`] | looking after log, read models, dead letters and sagas |
//! | [`Service`], [`Server`] | all of it around the routes, and over sockets |
//! | [`auth`] | who sends a request, and what they may do |

mod admin;
mod answer;
pub mod auth;
mod body;
mod consistency;
mod context;
mod etag;
mod event;
mod feed;
mod health;
mod idempotency;
mod openapi;
mod page;
mod parameters;
mod problem;
mod request_id;
mod request_span;
mod server;
mod service;
mod terms;

pub use admin::{Admin, Aggregates, ProjectionsAdmin, SagasAdmin};
pub use answer::Answer;
pub use body::{Body, BodyLimits};
pub use consistency::{AtLeast, CONSISTENCY_TOKEN_HEADER};
pub use context::RequestMetadata;
pub use etag::Precondition;
pub use event::EventBody;
pub use feed::{Feed, FeedOptions};
pub use health::{CheckResult, Health, Readiness};
pub use idempotency::{IDEMPOTENCY_KEY_CHARACTERS_MAX, IDEMPOTENCY_KEY_HEADER};
pub use openapi::{CommandProblems, documentation, guarded};
pub use page::{Cursor, CursorError, PageLimit, PageLimitError};
pub use parameters::{Parameters, Segments};
pub use problem::{Fault, Kind, Problem, ProblemBody, Refusal};
pub use request_id::{REQUEST_ID_HEADER, RequestId};
pub use server::{Server, ServerOptions, TlsError, TlsFiles};
pub use service::{Callers, Service, ServiceOptions};
pub use terms::{Asked, Terms};

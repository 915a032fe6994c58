//! Event sourcing and CQRS for Rust: pure domain code on a log with numbered guarantees.
//!
#![doc = include_str!("../../../README.md")]

pub use annals_core::*;
pub use annals_derive::DomainEvent;
pub use annals_runtime::*;

/// The embedded store on one SQLite file.
#[cfg(feature = "sqlite")]
pub use annals_sqlite as sqlite;

/// Traces, metrics and logs by OTLP, and log lines that name their trace.
#[cfg(feature = "otel")]
pub use annals_otel as otel;

/// The store on PostgreSQL, for many processes.
#[cfg(feature = "postgres")]
pub use annals_postgres as postgres;

/// Read models in PostgreSQL, with `sqlx`.
#[cfg(feature = "sqlx")]
pub use annals_sqlx as sqlx;

/// What domain code and applications usually need.
pub mod prelude {
    pub use crate::{
        Aggregate, App, At, BoxError, BoxFuture, Clock, CommandId, ConsistencyToken, Correlation,
        Decision, Dispatch, DispatchCommand, DispatchError, Dispatcher, DocumentProjection,
        DocumentReader, DocumentSet, Documents, DomainEvent, EventEnvelope, EventQuery, EventStore,
        ExecuteError, Executed, Input, Loaded, MemoryStore, Metadata, Position, Projection,
        Projections, QueryItem, Saga, Sagas, Seen, Sequence, Steps, StreamId, SystemClock, Tag,
    };
}

//! Event sourcing and CQRS for Rust: pure domain code on a log with numbered guarantees.
//!
#![doc = include_str!("../../../README.md")]

pub use annals_core::*;
pub use annals_derive::DomainEvent;
pub use annals_runtime::*;

/// The embedded store on one SQLite file.
#[cfg(feature = "sqlite")]
pub use annals_sqlite as sqlite;

/// The store on PostgreSQL, for many processes.
#[cfg(feature = "postgres")]
pub use annals_postgres as postgres;

/// What domain code and applications usually need.
pub mod prelude {
    pub use crate::{
        Aggregate, App, At, Clock, CommandId, Decision, DomainEvent, EventEnvelope, EventQuery,
        EventStore, ExecuteError, Executed, Loaded, MemoryStore, Metadata, Position, QueryItem,
        Sequence, StreamId, SystemClock, Tag,
    };
}

//! Vocabulary and contracts of Annals.
//!
//! What everything else is built from: the types an event-sourced domain is written with
//! ([`Aggregate`], [`Decision`], [`DomainEvent`]), the contract of a store ([`EventStore`] with its
//! guarantees G1 to G12) and the store that is its executable specification ([`MemoryStore`]).
//!
//! This crate is pure: no runtime, no I/O library. Users normally depend on `annals`, which
//! re-exports it.

mod aggregate;
mod append;
mod checkpoint;
mod clock;
pub mod codec;
mod decision;
mod document;
mod domain_event;
mod event;
mod id;
mod json;
pub mod limits;
mod memory;
mod metadata;
mod partition;
mod position;
mod projection;
mod query;
mod read;
mod read_models;
mod saga;
mod snapshot;
mod store;
mod stream;
mod tag;
pub mod telemetry;
mod token;

pub use aggregate::Aggregate;
pub use append::{Append, AppendCondition, AppendError, Appended, BoxError, NothingNew};
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointStore};
pub use clock::{Clock, SystemClock};
pub use codec::{DecodeError, DecodeProblem};
pub use decision::Decision;
pub use document::{
    DocumentChanges, DocumentIndex, DocumentProjection, DocumentSet, Documents, IndexValue,
    UndeclaredKey,
};
pub use domain_event::{DomainEvent, EventKind, Upcaster};
pub use event::{EventEnvelope, EventType, NewEvent, RecordedEvent};
pub use id::{CausationId, CommandId, CorrelationId, DeadLetterId, EventId, LogId, WorkerId};
pub use json::{FormError, Json, JsonError};
pub use limits::LimitError;
pub use memory::MemoryStore;
pub use metadata::{Metadata, TraceContext};
pub use partition::Partition;
pub use position::{Position, Sequence};
pub use projection::{Projection, types_of};
pub use query::{EventQuery, QueryItem};
pub use read::{Page, Read, ReadError, Selection};
pub use read_models::{
    Advance, ApplyError, BlockedStream, Claim, Comparison, DeadLetter, DeadLetterQuery,
    DeadLetterRequest, DeadLetters, DocumentList, DocumentOrder, DocumentReader, Drain, Generation,
    GenerationKey, GenerationState, GenerationStatus, Generations, Hosts, IfBehind, Lease, Leases,
    ListedDocument, NewDeadLetter, NewGeneration, PartitionStatus, QueuedEvent, ReadModels,
    ReadModelsError, Seen, Serving, TableComparison, WorkerReport,
};
pub use saga::{
    Correlation, Dispatch, Input, OpenStep, Parked, RecordedStep, Saga, SagaCommand, SagaData,
    SagaError, SagaEvent, SagaEventOf, SagaInstance, SagaOrigin, SagaState, SetTimer, Step,
    StepCommandId, Steps, TakenEvent,
};
pub use snapshot::{Snapshot, SnapshotError, SnapshotStore};
pub use store::{BoxFuture, EventStore};
pub use stream::StreamId;
pub use tag::Tag;
pub use token::ConsistencyToken;

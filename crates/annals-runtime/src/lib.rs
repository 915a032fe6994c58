//! Everything in Annals that loops, waits or retries.
//!
//! [`App`] executes commands and decisions on a store: it loads the state, lets the pure domain
//! code decide, appends what was decided under a condition, and decides again when somebody else
//! was faster. It knows no particular store.

mod app;
mod caught;
mod context;
mod decide;
mod engine;
mod error;
mod execute;
mod execution;
mod history;
mod joint;
mod lane;
mod lanes;
mod load;
mod loaded;
mod options;
mod outcome;
mod page;
mod projections;
mod replay;
mod resources;
mod retry;
mod sagas;
mod snapshot;
mod started;
mod submit;
mod subscription;
mod telemetry;
mod visibility;
mod waiting;

pub use app::App;
pub use context::with_context;
pub use decide::{Decide, Decided};
pub use error::{ExecuteError, LoadError};
pub use execute::{DryRun, Execute};
pub use execution::Executed;
pub use history::History;
pub use loaded::{At, Loaded};
pub use options::Options;
pub use projections::{
    CATCHING_UP_SECONDS, ProjectionOptions, ProjectionState, ProjectionStatus, ProjectionStopped,
    Projections, StatusError,
};
pub use retry::Retry;
pub use sagas::{
    DispatchCommand, DispatchError, Dispatcher, DoneStepSummary, OpenStepSummary, RecordOutcome,
    Recorded, SagaCursor, SagaDetail, SagaDriver, SagaEntry, SagaIndex, SagaInputs, SagaList,
    SagaOptions, SagaOrder, SagaOrdered, SagaPage, SagaSummary, SagaTimer, Sagas, SagasError,
    StepOutcome, TimerList, TimerPage, TimerState, TimerSummary, WaitingStep,
};
pub use subscription::{Batch, NamedSubscription, RunError, Subscription, SubscriptionError};
pub use visibility::{Visibility, WaitError};

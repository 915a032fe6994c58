//! Everything in Annals that loops, waits or retries.
//!
//! [`App`] executes commands and decisions on a store: it loads the state, lets the pure domain
//! code decide, appends what was decided under a condition, and decides again when somebody else
//! was faster. It knows no particular store.

mod app;
mod context;
mod decide;
mod error;
mod execute;
mod execution;
mod history;
mod lane;
mod lanes;
mod load;
mod outcome;
mod page;
mod replay;
mod retry;
mod snapshot;
mod started;
mod submit;

pub use app::{App, Options};
pub use context::with_context;
pub use decide::{Decide, Decided};
pub use error::{ExecuteError, LoadError};
pub use execute::{DryRun, Execute, Executed};
pub use history::History;
pub use load::{At, Loaded};
pub use retry::Retry;

//! Running sagas in tests: quickly, and in every order that could be dangerous.

mod exhaustion;
mod history;
mod runner;

pub use exhaustion::{Counterexample, Exhaustion, Explored, SagaScenario, SagaWorld};
pub use runner::{SagaRun, run_saga};

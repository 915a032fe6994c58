//! Tests for stores and for domains built on Annals. A dev-dependency, never more.
//!
//! For domains:
//!
//! - [`given()`], when, then: the rules of an aggregate as sentences; [`given_log`] for decisions.
//! - [`given_saga`]: the decisions of a saga; [`run_saga`] runs one to its end, skipping time;
//!   [`Exhaustion`] in every order of crashes and repeats that could be dangerous.
//! - [`ManualClock`]: time that a test moves by hand.
//! - [`FaultyStore`]: a store that fails, delays, repeats or falls silent at a chosen call.
//! - [`MemoryReadModels`]: a read database in memory, for what runs on read databases.
//!
//! For stores and decorators around them:
//!
//! - [`mod@conformance`]: one function for each guarantee of a store, G1 to G12.
//! - [`histories_agree`]: a store against its specification, over random histories.
//! - [`mod@read_models`]: one function for each promise of a read database.
//! - [`sabotage`]: stores that are broken on purpose, which show that the suite finds it.

mod clock;
pub mod conformance;
mod faulty;
mod given;
mod memory;
mod model;
pub mod read_models;
pub mod sabotage;
mod sagas;

pub use clock::ManualClock;
pub use faulty::{Call, Fault, FaultyStore, Gate};
pub use given::{
    Given, GivenLog, GivenSaga, Told, When, WhenDecided, WhenTold, correlation_of, given,
    given_log, given_saga,
};
pub use memory::MemoryReadModels;
pub use model::histories_agree;
pub use sagas::{Counterexample, Exhaustion, Explored, SagaRun, SagaScenario, SagaWorld, run_saga};

//! Tests for stores and for domains built on Annals. A dev-dependency, never more.
//!
//! - [`conformance`]: one function for each guarantee of a store, G1 to G12.
//! - [`ManualClock`]: time that a test moves by hand.
//! - [`histories_agree`]: a store against its specification, over random histories.
//! - [`sabotage`]: stores that are broken on purpose, which show that the suite finds it.

mod clock;
pub mod conformance;
mod model;
pub mod sabotage;

pub use clock::ManualClock;
pub use model::histories_agree;

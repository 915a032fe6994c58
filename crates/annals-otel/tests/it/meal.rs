//! What sagas follow here.

use std::time::Duration;

use annals_core::Aggregate;
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Meal;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum MealEvent {
    MealBegun,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("never")]
pub(crate) struct Never;

impl Aggregate for Meal {
    const TYPE: &'static str = "meal";
    type Id = String;
    type Command = MealEvent;
    type Event = MealEvent;
    type Error = Never;
    type Services = ();

    fn handle(&self, command: MealEvent, (): &()) -> Result<Vec<MealEvent>, Never> {
        Ok(vec![command])
    }

    fn apply(&mut self, _: &MealEvent) {}
}

/// Waits for it; the tests' time stands still while there is anything else to do.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let found = async {
        while !is_so() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), found).await.unwrap();
}

//! The least there is to execute.

use annals_core::Aggregate;
use annals_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Tally(u64);

#[derive(Debug, Clone, Serialize, Deserialize, DomainEvent)]
#[event(crate = "annals_core")]
pub(crate) enum TallyEvent {
    Raised,
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

/// The command is its own name.
impl Aggregate for Tally {
    const TYPE: &'static str = "tally";
    type Id = String;
    type Command = &'static str;
    type Event = TallyEvent;
    type Error = Never;
    type Services = ();

    fn command_name(command: &&'static str) -> &'static str {
        command
    }

    fn handle(&self, _: &'static str, (): &()) -> Result<Vec<TallyEvent>, Never> {
        Ok(vec![TallyEvent::Raised])
    }

    fn apply(&mut self, _: &TallyEvent) {
        self.0 += 1;
    }
}

//! Ids of what is done for an instance of a saga.

use uuid::{Uuid, uuid};

use super::Saga;
use crate::id::CommandId;
use crate::position::Position;

/// Derives the ids of what is done for an instance, so that whoever repeats it repeats the id.
#[derive(Debug, Clone, Copy)]
pub struct StepCommandId;

const NAMESPACE: Uuid = uuid!("6f1f9d0e-6c39-4d57-9a3c-3f7f7f0b5b1d");

impl StepCommandId {
    /// Of taking the event at a position.
    #[must_use]
    pub fn taking<S: Saga>(instance: &str, position: Position) -> CommandId {
        Self::derived(format!("{}/{instance}/event/{position}", S::TYPE))
    }

    /// Of a step: of the command it dispatches, and of recording that it was rejected or called
    /// off. Whichever comes first uses it up.
    #[must_use]
    pub fn step<S: Saga>(instance: &str, number: u32, round: u32) -> CommandId {
        Self::derived(format!("{}/{instance}/step/{number}/{round}", S::TYPE))
    }

    fn derived(name: String) -> CommandId {
        CommandId::derived(&NAMESPACE, name.as_bytes())
    }
}

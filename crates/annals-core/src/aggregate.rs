//! A consistency boundary with its rules.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain_event::DomainEvent;
use crate::telemetry;

/// A consistency boundary: the state of one thing, and the rules for changing it.
///
/// `handle` and `apply` are synchronous and pure: given the same state and input they give the same
/// output and touch nothing else. What needs I/O is fetched before and travels in the command.
///
/// The state is what the rules need, not what queries want to see. It is kept in memory and in
/// snapshots, which is why it is [`Clone`], [`Serialize`] and [`DeserializeOwned`].
pub trait Aggregate:
    Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The stable name of the aggregate type, the first half of its stream ids.
    ///
    /// Snapshots are kept by it and [`Aggregate::STATE_VERSION`]. Two Rust types may share it, a
    /// smaller state for some commands, say, only if their state versions differ.
    const TYPE: &'static str;

    /// Version of the state. Raise it when the state's fields or the meaning of `apply` change:
    /// snapshots of other versions are then ignored and states replayed from the events.
    const STATE_VERSION: u32 = 1;

    /// Names one aggregate; its text is the second half of the stream id.
    type Id: fmt::Display + Send + Sync;
    /// What can be asked of it. `Clone`, because a conflict means deciding again.
    type Command: Clone + Send + Sync;
    /// What can happen to it.
    type Event: DomainEvent + Clone;
    /// Why a command is rejected. Comes back to the caller as it is.
    type Error: Error + Send + Sync + 'static;
    /// What `handle` may ask besides the state: a clock, an id source. Plain values, no I/O.
    type Services: Send + Sync + 'static;

    /// What kind of command it is, for traces and metrics: a name for each variant, such as
    /// `DepositMoney`, and nothing of what is in it.
    ///
    /// If it is left out, all commands of the aggregate go by the name of their type.
    fn command_name(_command: &Self::Command) -> &'static str {
        telemetry::type_name_of::<Self::Command>()
    }

    /// Decides what a command leads to, and changes nothing. No events mean that nothing needs to
    /// happen, which is a success.
    ///
    /// # Errors
    ///
    /// The rule that forbids it.
    fn handle(
        &self,
        command: Self::Command,
        services: &Self::Services,
    ) -> Result<Vec<Self::Event>, Self::Error>;

    /// Changes the state by an event. It has already happened, so this cannot fail and decides
    /// nothing.
    fn apply(&mut self, event: &Self::Event);
}

//! What a saga reacts to.

use std::fmt;

use super::Saga;

/// What a saga reacts to. Each is recorded in the instance's stream together with the steps that
/// were decided on it.
pub enum Input<S: Saga> {
    /// An event that concerns the instance.
    Event(S::Event),
    /// A step was done: the command was executed, and its events are durable.
    Succeeded(S::Command),
    /// A step was refused by a rule of the domain: the command has changed nothing, and never will.
    Rejected {
        /// What was asked for.
        command: S::Command,
        /// Why it was refused.
        rejection: S::Rejection,
    },
    /// A step is not done after the time it was given. It goes on being tried; its outcome will be
    /// an input all the same.
    Overdue(S::Command),
    /// A timer was due.
    Fired(S::Timer),
    /// Somebody tells the instance something.
    Signal {
        /// What.
        signal: S::Signal,
        /// Who.
        by: String,
    },
    /// The instance has failed, and everything it had done that can be compensated is. What is
    /// decided now, telling others say, is done before it ends.
    Compensated {
        /// Why it failed.
        reason: String,
    },
}

impl<S: Saga> fmt::Debug for Input<S>
where
    S::Event: fmt::Debug,
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown =
            |name: &str, value: &dyn fmt::Debug| formatter.debug_tuple(name).field(value).finish();
        match self {
            Self::Event(event) => shown("Event", event),
            Self::Succeeded(command) => shown("Succeeded", command),
            Self::Rejected { command, rejection } => shown("Rejected", &(command, rejection)),
            Self::Overdue(command) => shown("Overdue", command),
            Self::Fired(timer) => shown("Fired", timer),
            Self::Signal { signal, by } => shown("Signal", &(signal, by)),
            Self::Compensated { reason } => shown("Compensated", reason),
        }
    }
}

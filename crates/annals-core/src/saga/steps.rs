//! What a saga decides.

use std::fmt;
use std::time::Duration;

use super::Saga;

/// What a saga decides on an input, in order. At most
/// [`SAGA_STEPS_MAX`](crate::limits::SAGA_STEPS_MAX).
pub struct Steps<S: Saga>(Vec<Step<S::Command, S::Timer>>);

/// One thing a saga asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<C, T> {
    /// A command is to be executed.
    Dispatch(Dispatch<C>),
    /// A timer is to fire after a time. One that is equal to it and still set is replaced.
    SetTimer {
        /// What the saga is told when it fires.
        timer: T,
        /// How long from now.
        after: Duration,
    },
    /// A timer is not to fire any more.
    CancelTimer {
        /// Which one.
        timer: T,
    },
    /// The instance has reached its aim. It ends as soon as no step is open; timers are cancelled.
    /// Operators cannot have it compensated from then on; the saga itself can still fail. So a last
    /// step that tells the world of the success belongs into the same decision.
    Complete,
    /// The instance cannot reach its aim. Timers are cancelled, steps that are not done are called
    /// off, and what was done is compensated in reverse order. What would follow in the same
    /// decision is left out.
    Fail {
        /// Why, for whoever looks.
        reason: String,
    },
}

/// A command to be executed, and what else is said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch<C> {
    pub(super) command: C,
    pub(super) compensation: Option<C>,
    pub(super) within: Option<Duration>,
}

impl<C> Dispatch<C> {
    /// Executes `command`.
    pub fn new(command: C) -> Self {
        Self { command, compensation: None, within: None }
    }

    /// How it is compensated, once it is done and the instance fails.
    #[must_use]
    pub fn compensated_by(self, command: C) -> Self {
        Self { compensation: Some(command), ..self }
    }

    /// After how long the saga is told, by [`Input::Overdue`](super::Input::Overdue), that it is
    /// not done yet.
    #[must_use]
    pub fn within(self, duration: Duration) -> Self {
        Self { within: Some(duration), ..self }
    }
}

impl<C> From<C> for Dispatch<C> {
    fn from(command: C) -> Self {
        Self::new(command)
    }
}

impl<S: Saga> Steps<S> {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Asks for a command to be executed, given as it is or as a [`Dispatch`]. Commands asked for
    /// together are executed in any order, or at the same time.
    #[must_use]
    pub fn dispatch(self, command: impl Into<Dispatch<S::Command>>) -> Self {
        self.with(Step::Dispatch(command.into()))
    }

    /// Asks for a timer.
    #[must_use]
    pub fn set_timer(self, timer: S::Timer, after: Duration) -> Self {
        self.with(Step::SetTimer { timer, after })
    }

    /// Asks for a timer not to fire.
    #[must_use]
    pub fn cancel_timer(self, timer: S::Timer) -> Self {
        self.with(Step::CancelTimer { timer })
    }

    /// The aim is reached.
    #[must_use]
    pub fn complete(self) -> Self {
        self.with(Step::Complete)
    }

    /// The aim cannot be reached.
    #[must_use]
    pub fn fail(self, reason: impl Into<String>) -> Self {
        self.with(Step::Fail { reason: reason.into() })
    }

    /// The steps, in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[Step<S::Command, S::Timer>] {
        &self.0
    }

    pub(super) fn into_vec(self) -> Vec<Step<S::Command, S::Timer>> {
        self.0
    }

    fn with(mut self, step: Step<S::Command, S::Timer>) -> Self {
        self.0.push(step);
        self
    }
}

impl<S: Saga> Default for Steps<S> {
    fn default() -> Self {
        Self::none()
    }
}

impl<S: Saga> Clone for Steps<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Saga> PartialEq for Steps<S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<S: Saga> fmt::Debug for Steps<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

//! What an operator orders.

use annals_core::limits::ACTOR_BYTES_MAX;
use annals_core::{CommandId, ConsistencyToken, LimitError, Metadata, Sequence};
use serde_json::Value;

/// Longest reason that an operator can give, in bytes.
pub(super) const WHY_BYTES_MAX: usize = 1_000;

/// What an operator has a saga instance do, who orders it, and why: both are recorded. Say more
/// with the methods, then hand it to [`Sagas::order`](crate::Sagas::order).
///
/// Who orders something is at most [`ACTOR_BYTES_MAX`] bytes, and why it is ordered 1,000. To
/// compensate or abandon something needs a reason.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is ordered yet"]
pub struct SagaOrder {
    pub(super) what: What,
    pub(super) by: String,
    pub(super) why: String,
    pub(super) command_id: Option<CommandId>,
    pub(super) expected: Option<Sequence>,
    pub(super) context: Option<Metadata>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Retry,
    Compensate,
    Abandon,
    /// To tell it something.
    Signal(Value),
}

/// An order is in the log. It is followed by whoever runs the sagas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaOrdered {
    /// What the order is called: by the id it was given, else by a new one.
    pub command_id: CommandId,
    /// Its place in the instance's history; the last one, if something followed in the same step.
    pub sequence: Sequence,
    /// Presented to a query, it is answered only by a read model that knows of the order.
    pub token: ConsistencyToken,
    /// It had been given before under the same command id, and nothing more was written.
    pub repeated: bool,
}

impl SagaOrder {
    /// Has everything tried again that is parked. A compensation that was rejected is dispatched
    /// under a new command id; a step whose outcome nobody knows under the same.
    pub fn retry(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(What::Retry, by.into(), why.into())
    }

    /// Has the instance fail: steps that are not done are called off, and what was done is
    /// compensated in reverse order.
    pub fn compensate(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(What::Compensate, by.into(), why.into())
    }

    /// Ends the instance as it is. A step that is being tried at this moment may still take effect.
    pub fn abandon(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(What::Abandon, by.into(), why.into())
    }

    /// Tells the instance something: a value of the saga's
    /// [`Saga::Signal`](annals_core::Saga::Signal).
    pub fn signal(signal: Value, by: impl Into<String>) -> Self {
        Self::new(What::Signal(signal), by.into(), String::new())
    }

    fn new(what: What, by: String, why: String) -> Self {
        Self { what, by, why, command_id: None, expected: None, context: None }
    }

    /// Names the order, so that giving it again changes nothing more.
    pub fn command_id(mut self, id: CommandId) -> Self {
        self.command_id = Some(id);
        self
    }

    /// Holds only if nothing has happened to the instance since this sequence: for an order that
    /// rests on what somebody saw.
    pub fn expect_sequence(mut self, sequence: Sequence) -> Self {
        self.expected = Some(sequence);
        self
    }

    /// The metadata of what is written. Without it, that names as the actor who gives the order.
    pub fn context(mut self, context: Metadata) -> Self {
        self.context = Some(context);
        self
    }

    /// Whether it is within its bounds.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        check("who orders it", &self.by, ACTOR_BYTES_MAX, true)?;
        let is_asked_why = matches!(self.what, What::Compensate | What::Abandon);
        check("why it is ordered", &self.why, WHY_BYTES_MAX, is_asked_why)
    }
}

fn check(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    is_needed: bool,
) -> Result<(), LimitError> {
    if is_needed && text.trim().is_empty() {
        return Err(LimitError::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(LimitError::TooLong { what, bytes: text.len(), bytes_max });
    }
    Ok(())
}

//! Stores under which sagas are run carelessly.

use std::sync::Arc;

use annals_core::{
    Append, AppendError, Appended, BoxFuture, CommandId, EventStore, LogId, Page, Position, Read,
    ReadError,
};

/// One way of running sagas carelessly: something is done without the command id on which its being
/// done once depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SagaSabotage {
    /// With all care.
    None,
    /// Inputs are taken without an id: one that is delivered twice is taken twice.
    InputIsTakenUnnamed,
    /// Steps are dispatched without an id: after a crash they take effect twice.
    StepIsDispatchedUnnamed,
    /// Rejections are recorded without the id of the step: who dispatches it late may still
    /// succeed.
    RejectionIsRecordedUnnamed,
    /// Steps are called off without their id: who dispatches one late may still succeed.
    CancellationIsRecordedUnnamed,
}

/// A store that forgets some command ids, so that the application on it runs sagas carelessly.
#[derive(Debug)]
pub struct SabotagedSagas {
    inner: Arc<dyn EventStore>,
    sabotage: SagaSabotage,
}

impl SabotagedSagas {
    /// `inner`, with one way of carelessness.
    #[must_use]
    pub fn new(inner: Arc<dyn EventStore>, sabotage: SagaSabotage) -> Self {
        Self { inner, sabotage }
    }

    fn is_unnamed(&self, append: &Append) -> bool {
        let is = |event_type| {
            append.events().iter().any(|event| event.event_type().as_str() == event_type)
        };
        match self.sabotage {
            SagaSabotage::None => false,
            SagaSabotage::InputIsTakenUnnamed => is("saga.event_taken"),
            SagaSabotage::StepIsDispatchedUnnamed => append
                .events()
                .iter()
                .any(|event| !event.event_type().as_str().starts_with("saga.")),
            SagaSabotage::RejectionIsRecordedUnnamed => is("saga.step_rejected"),
            SagaSabotage::CancellationIsRecordedUnnamed => is("saga.step_cancelled"),
        }
    }
}

impl EventStore for SabotagedSagas {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        if !self.is_unnamed(&append) {
            return self.inner.append(append);
        }
        let (events, condition, _) = append.clone().into_parts();
        // Without events there is nothing that the id could be taken from.
        self.inner.append(Append::new(events, condition, None).unwrap_or(append))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Page, ReadError>> {
        self.inner.read(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.inner.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.inner.wait_past(position)
    }

    fn find_command(&self, id: CommandId) -> BoxFuture<'_, Result<Option<Appended>, ReadError>> {
        self.inner.find_command(id)
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }
}

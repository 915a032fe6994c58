//! The single actions of a saga, each of which may be the last before a crash.

use std::fmt;
use std::sync::Arc;

use annals_core::{
    Aggregate, BoxError, Clock, Correlation, CorrelationId, EventEnvelope, Metadata, OpenStep,
    RecordedStep, Saga, SagaCommand, SagaError, SagaEvent, SagaEventOf, SagaInstance, SagaOrigin,
    Sequence, StepCommandId, StreamId,
};

use super::dispatch::{DispatchCommand, DispatchError, Dispatcher};
use crate::app::App;
use crate::error::{ExecuteError, LoadError};
use crate::execution::Executed;
use crate::joint::{Join, Written};
use crate::loaded::Loaded;

/// The single actions of a saga: what [`Sagas`](crate::Sagas) does over and over.
///
/// Each may be repeated, and done late, by anybody: whatever has happened already is not done
/// again. For test kits, and for whoever schedules sagas in a way of their own.
pub struct SagaDriver<G: Saga, S> {
    app: App<S>,
    instances: App<()>,
    clock: Arc<dyn Clock>,
    saga: std::marker::PhantomData<fn() -> G>,
}

/// What became of a step that was dispatched.
#[derive(Debug)]
pub enum StepOutcome<R> {
    /// The command was executed.
    Succeeded,
    /// The command was rejected.
    Rejected(R),
    /// The step has its outcome already; there is nothing to record.
    Settled,
    /// Nobody knows. Dispatch it again.
    Failed(BoxError),
}

/// What was recorded of an instance.
pub struct Recorded<G: Saga> {
    /// The instance.
    pub instance: String,
    /// The events, in their order; none if they had been recorded before.
    pub events: Vec<SagaEventOf<G>>,
    /// The sequence of the last one.
    pub sequence: Sequence,
}

impl<G: Saga> Recorded<G> {
    /// The steps to dispatch that were decided with it, if that is all there is to know: `None`
    /// means that the instance must be looked at.
    pub(super) fn new_steps(&self) -> Option<Vec<OpenStep<G::Command>>> {
        let mut open = Vec::new();
        for event in &self.events {
            if matches!(
                event,
                SagaEvent::CompensationOrdered { .. } | SagaEvent::RetryOrdered { .. }
            ) {
                return None;
            }
            for step in event.steps() {
                match step {
                    RecordedStep::Dispatch {
                        number,
                        command,
                        compensation,
                        compensates,
                        overdue_at,
                    } => open.push(OpenStep {
                        number: *number,
                        command: command.clone(),
                        compensation: compensation.clone(),
                        compensates: *compensates,
                        since: event.at(),
                        overdue_at: *overdue_at,
                        round: 0,
                        parked: None,
                    }),
                    // Steps that were open may have to be called off.
                    RecordedStep::Fail { .. } => return None,
                    _ => {}
                }
            }
        }
        Some(open)
    }

    /// What the instance began with, if this was its beginning.
    pub(super) fn origin(&self) -> Option<SagaOrigin> {
        let is_beginning = self.sequence.get() == self.events.len() as u64;
        match self.events.first() {
            Some(SagaEvent::EventTaken { event, at, .. }) if is_beginning => Some(SagaOrigin {
                position: event.0.position,
                event_id: event.0.event_id,
                correlation_id: event.0.metadata.correlation_id,
                actor: event.0.metadata.actor.clone(),
                trace: event.0.metadata.trace.clone(),
                at: *at,
            }),
            _ => None,
        }
    }
}

/// What recording gives: `None` if it was settled already.
pub type RecordOutcome<G> = Result<Option<Recorded<G>>, ExecuteError<SagaError>>;

impl<G: Saga, S: Send + Sync + 'static> SagaDriver<G, S> {
    /// The actions of `G` on the store of `app`, dispatching to `app`.
    pub fn new(app: App<S>, clock: Arc<dyn Clock>) -> Self {
        let instances = app.with_services(());
        Self { app, instances, clock, saga: std::marker::PhantomData }
    }

    /// The instances, as aggregates.
    #[must_use]
    pub fn instances(&self) -> &App<()> {
        &self.instances
    }

    /// An instance as it is now.
    ///
    /// # Errors
    ///
    /// [`LoadError`], whose variants say what to do next.
    pub async fn load(&self, instance: &str) -> Result<Loaded<SagaInstance<G>>, LoadError> {
        self.instances.load::<SagaInstance<G>>(&instance.to_owned()).await
    }

    /// Takes an event, once: records it with the steps that the saga decides on it. `None` if it
    /// concerns nobody.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`], whose variants say what to do next.
    pub async fn take(&self, event: &EventEnvelope<G::Event>) -> RecordOutcome<G> {
        let (instance, begins) = match G::correlate(event) {
            Correlation::Begins(instance) => (instance, true),
            Correlation::Concerns(instance) => (instance, false),
            Correlation::Nobody => return Ok(None),
        };
        let context = Metadata {
            correlation_id: event.metadata.correlation_id,
            causation_id: Some(event.event_id.into()),
            actor: event.metadata.actor.clone(),
            trace: event.metadata.trace.clone(),
            ..Metadata::default()
        };
        let at = self.clock.now();
        let command = SagaCommand::TakeEvent { event: Box::new(event.clone()), begins, at };
        let command_id = StepCommandId::taking::<G>(&instance, event.position);
        let taken = self
            .instances
            .execute::<SagaInstance<G>>(&instance, command)
            .command_id(command_id)
            .context(context)
            .await;
        Self::recorded(instance, taken)
    }

    /// Takes note of the outcome of a step. A rejection is recorded under the step's own command
    /// id, so that either it or the command's events are written, and never both.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`], whose variants say what to do next.
    pub async fn record(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        attempts: u32,
        outcome: StepOutcome<G::Rejection>,
    ) -> RecordOutcome<G> {
        let (number, at) = (step.number, self.clock.now());
        match outcome {
            StepOutcome::Succeeded => {
                let command = SagaCommand::Succeed { step: number, attempts, at };
                self.execute(instance, origin, command).await
            }
            StepOutcome::Rejected(rejection) => {
                let round = step.round;
                let command = SagaCommand::Reject { step: number, round, rejection, attempts, at };
                self.use_up(instance, origin, step, attempts, command).await
            }
            StepOutcome::Settled | StepOutcome::Failed(_) => Ok(None),
        }
    }

    /// Calls a step off, or takes note that it was done.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`], whose variants say what to do next.
    pub async fn cancel(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
    ) -> RecordOutcome<G> {
        let command = SagaCommand::Cancel { step: step.number, at: self.clock.now() };
        self.use_up(instance, origin, step, 1, command).await
    }

    /// Leaves a step to an operator.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`], whose variants say what to do next.
    pub async fn park(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        attempts: u32,
        error: String,
    ) -> RecordOutcome<G> {
        let (step, at) = (step.number, self.clock.now());
        let command = SagaCommand::Park { step, attempts, error, is_untold: false, at };
        self.execute(instance, origin, command).await
    }

    /// Fires the timers that are due.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`], whose variants say what to do next.
    pub async fn tick(&self, instance: &str, origin: &SagaOrigin) -> RecordOutcome<G> {
        self.fire(instance, origin, usize::MAX).await
    }

    /// Fires so many of the timers that are due, the first first.
    pub(super) async fn fire(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        fire_max: usize,
    ) -> RecordOutcome<G> {
        let command = SagaCommand::Tick { at: self.clock.now(), fire_max };
        self.execute(instance, origin, command).await
    }

    /// Leaves it to an operator that the saga cannot be told of a timer, or of a step that is
    /// overdue.
    pub(super) async fn park_untold(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        number: u32,
        attempts: u32,
        error: String,
    ) -> RecordOutcome<G> {
        let (step, at) = (number, self.clock.now());
        let command = SagaCommand::Park { step, attempts, error, is_untold: true, at };
        self.execute(instance, origin, command).await
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Records what uses up the id of a step, unless the step was done under it.
    async fn use_up(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        attempts: u32,
        command: SagaCommand<G>,
    ) -> RecordOutcome<G> {
        let command_id = StepCommandId::step::<G>(instance, step.number, step.round);
        let recorded = self
            .instances
            .execute::<SagaInstance<G>>(&instance.to_owned(), command)
            .command_id(command_id)
            .context(conversation(origin))
            .await;
        let was_done = match &recorded {
            // It led to nothing, which is a success.
            Ok(executed) => executed.events.is_empty(),
            Err(ExecuteError::CommandIdReused { .. }) => true,
            Err(_) => false,
        };
        if !was_done {
            return Self::recorded(instance.to_owned(), recorded);
        }
        let succeed = SagaCommand::Succeed { step: step.number, attempts, at: self.clock.now() };
        self.execute(instance, origin, succeed).await
    }

    async fn execute(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        command: SagaCommand<G>,
    ) -> RecordOutcome<G> {
        let executed = self
            .instances
            .execute::<SagaInstance<G>>(&instance.to_owned(), command)
            .context(conversation(origin))
            .await;
        Self::recorded(instance.to_owned(), executed)
    }

    fn recorded(
        instance: String,
        executed: Result<Executed<SagaEventOf<G>>, ExecuteError<SagaError>>,
    ) -> RecordOutcome<G> {
        match executed {
            Ok(Executed { events, sequence, repeated, .. }) => {
                let events = if repeated { Vec::new() } else { events };
                Ok(Some(Recorded { instance, events, sequence }))
            }
            Err(ExecuteError::Rejected(
                SagaError::NotFound | SagaError::Ended | SagaError::Settled,
            )) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<G: Saga, S: Send + Sync + 'static> SagaDriver<G, S>
where
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
{
    /// Dispatches a step and takes note of what became of it: what [`dispatch`](Self::dispatch) and
    /// [`record`](Self::record) do, but the events of a command that is executed and the note of it
    /// are one append where that can be. `None` if it was settled already.
    ///
    /// # Errors
    ///
    /// What went wrong: nobody knows whether it was done. Perform it again.
    pub async fn perform(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        attempts: u32,
    ) -> Result<Option<Recorded<G>>, BoxError> {
        let stream = StreamId::new(<SagaInstance<G> as Aggregate>::TYPE, instance)?;
        let succeed = SagaCommand::Succeed { step: step.number, attempts, at: self.clock.now() };
        let note = self.instances.joint::<SagaInstance<G>>(stream.clone(), succeed);
        let outcome = self.dispatch_noting(stream, origin, step, Some(&note)).await;
        if let Some(Written { events, sequence }) = note.into_written() {
            return Ok(Some(Recorded { instance: instance.to_owned(), events, sequence }));
        }
        match outcome {
            StepOutcome::Failed(error) => Err(error),
            outcome => Ok(self.record(instance, origin, step, attempts, outcome).await?),
        }
    }

    /// Dispatches a step, and records nothing.
    pub async fn dispatch(
        &self,
        instance: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
    ) -> StepOutcome<G::Rejection> {
        match StreamId::new(<SagaInstance<G> as Aggregate>::TYPE, instance) {
            Ok(stream) => self.dispatch_noting(stream, origin, step, None).await,
            Err(error) => StepOutcome::Failed(error.into()),
        }
    }

    async fn dispatch_noting(
        &self,
        instance: StreamId,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        note: Option<&dyn Join>,
    ) -> StepOutcome<G::Rejection> {
        let id = instance.aggregate_id();
        let command_id = StepCommandId::step::<G>(id, step.number, step.round);
        let to = Dispatcher::new(&self.app, command_id, conversation(origin), instance);
        let to = to.noting(note);
        match step.command.clone().dispatch(to).await {
            Ok(()) => StepOutcome::Succeeded,
            Err(DispatchError::Rejected(rejection)) => StepOutcome::Rejected(rejection),
            Err(DispatchError::Settled) => StepOutcome::Settled,
            Err(DispatchError::Failed { source }) => StepOutcome::Failed(source),
        }
    }
}

/// The metadata of whatever follows from what an instance began with.
fn conversation(origin: &SagaOrigin) -> Metadata {
    let own = || CorrelationId::from_uuid(*origin.event_id.as_uuid());
    Metadata {
        correlation_id: Some(origin.correlation_id.unwrap_or_else(own)),
        actor: origin.actor.clone(),
        ..Metadata::default()
    }
}

impl<G: Saga, S> fmt::Debug for SagaDriver<G, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SagaDriver").field("saga", &G::TYPE).finish_non_exhaustive()
    }
}

impl<G: Saga> fmt::Debug for Recorded<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recorded")
            .field("instance", &self.instance)
            .field("events", &self.events.len())
            .field("sequence", &self.sequence)
            .finish()
    }
}

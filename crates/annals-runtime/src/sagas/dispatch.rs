//! How the commands of a saga reach what they are for.

use std::error::Error;
use std::fmt;
use std::future::Future;

use annals_core::{
    Aggregate, BoxError, BoxFuture, CommandId, Decision, DecodeError, Metadata, SagaData, StreamId,
};
use thiserror::Error;

use crate::app::App;
use crate::error::{ExecuteError, LoadError};
use crate::joint::Join;

/// The commands of a saga, and where each of them goes.
///
/// Implemented by the enum that is the saga's [`Saga::Command`](annals_core::Saga::Command). It is
/// the only place where a saga meets the world, and only the runner of live sagas calls it.
pub trait DispatchCommand: SagaData {
    /// The services of the application it is executed by.
    type Services: Send + Sync + 'static;
    /// The saga's [`Saga::Rejection`](annals_core::Saga::Rejection).
    type Rejection: SagaData;

    /// Executes it, in one of the ways that [`Dispatcher`] offers.
    fn dispatch<'a>(
        self,
        to: Dispatcher<'a, Self::Services, Self::Rejection>,
    ) -> BoxFuture<'a, Result<(), DispatchError<Self::Rejection>>>;
}

/// Executes one command of a saga, under the command id of its step: repeated after a crash it
/// takes effect once.
pub struct Dispatcher<'a, S, R> {
    app: &'a App<S>,
    command_id: CommandId,
    context: Metadata,
    /// The instance, whose rejection of the step may have used up the id.
    instance: StreamId,
    /// Notes in the instance that the step is done.
    note: Option<&'a dyn Join>,
    rejection: std::marker::PhantomData<fn() -> R>,
}

/// A command of a saga was not executed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DispatchError<R> {
    /// A rule of the domain forbids it: it has changed nothing. The saga is told.
    #[error("the command was rejected")]
    Rejected(R),
    /// It could not be executed now, or nobody knows whether it was. It is tried again with the
    /// same command id, and parked after as many attempts as are allowed.
    #[error("the command could not be executed")]
    Failed {
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// The step already has another outcome: somebody else was faster. Nothing was changed.
    #[error("the step has an outcome already")]
    Settled,
}

impl<R> DispatchError<R> {
    /// It could not be executed now.
    pub fn failed(source: impl Into<BoxError>) -> Self {
        Self::Failed { source: source.into() }
    }
}

impl<'a, S: Send + Sync + 'static, R: SagaData> Dispatcher<'a, S, R> {
    pub(super) fn new(
        app: &'a App<S>,
        command_id: CommandId,
        context: Metadata,
        instance: StreamId,
    ) -> Self {
        let rejection = std::marker::PhantomData;
        Self { app, command_id, context, instance, note: None, rejection }
    }

    /// Has the note written with the events of a command that is executed, if that can be done.
    pub(super) fn noting(mut self, note: Option<&'a dyn Join>) -> Self {
        self.note = note;
        self
    }

    /// The application's services.
    #[must_use]
    pub fn services(&self) -> &'a S {
        self.app.services()
    }

    /// Executes a command on an aggregate.
    ///
    /// Its events and the note in the instance that the step is done are one append, where that can
    /// be. So with `Ok` the step is done, whatever else happens in
    /// [`dispatch`](DispatchCommand::dispatch): anything that must not be left out comes before, or
    /// is a step of its own.
    pub fn execute<A: Aggregate<Services = S>>(
        self,
        id: &A::Id,
        command: A::Command,
    ) -> BoxFuture<'a, Result<(), DispatchError<R>>>
    where
        R: From<A::Error>,
    {
        let Self { app, command_id, context, instance, note, .. } = self;
        let execute = app.execute::<A>(id, command).command_id(command_id).context(context);
        let execute = execute.along(note);
        Box::pin(async move {
            match execute.await {
                Ok(_) => Ok(()),
                Err(error) => Err(classify(error, &instance)),
            }
        })
    }

    /// Makes a decision.
    pub fn decide<D: Decision<Services = S> + 'a>(
        self,
        decision: D,
    ) -> BoxFuture<'a, Result<(), DispatchError<R>>>
    where
        R: From<D::Error>,
    {
        let Self { app, command_id, context, instance, .. } = self;
        let decide = app.decide(decision).command_id(command_id).context(context);
        Box::pin(async move {
            match decide.await {
                Ok(_) => Ok(()),
                Err(error) => Err(classify(error, &instance)),
            }
        })
    }

    /// Does something outside the log.
    ///
    /// The log cannot tell whether it was done, so it is done at least once: hand the command id on
    /// as the key by which the other side knows a repeat.
    pub fn call<F>(
        self,
        call: impl FnOnce(CommandId) -> F,
    ) -> BoxFuture<'a, Result<(), DispatchError<R>>>
    where
        F: Future<Output = Result<(), DispatchError<R>>> + Send + 'a,
    {
        Box::pin(call(self.command_id))
    }
}

/// What an error of executing means for the step.
fn classify<E: Error + Send + Sync + 'static, R: From<E>>(
    error: ExecuteError<E>,
    instance: &StreamId,
) -> DispatchError<R> {
    match error {
        ExecuteError::Rejected(rejection) => DispatchError::Rejected(rejection.into()),
        ExecuteError::CommandIdReused { stream, .. } if stream == *instance => {
            DispatchError::Settled
        }
        // A decision reads whatever it was that was written under the id.
        ExecuteError::Load(LoadError::Decode(error)) if is_of(&error, instance) => {
            DispatchError::Settled
        }
        error => DispatchError::failed(error),
    }
}

fn is_of(error: &DecodeError, instance: &StreamId) -> bool {
    error.stream == *instance
}

impl<S, R> fmt::Debug for Dispatcher<'_, S, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dispatcher")
            .field("instance", &self.instance)
            .field("command_id", &self.command_id)
            .finish_non_exhaustive()
    }
}

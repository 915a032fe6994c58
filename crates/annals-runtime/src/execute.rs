//! Executing a command on an aggregate.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use annals_core::{Aggregate, CommandId, Metadata, Sequence, StreamId};
use tracing::Instrument;

use crate::context;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::execution::{Execution, Outcome, check_expected};
use crate::joint::Join;
use crate::load::load;
use crate::telemetry::Begun;
use crate::visibility::Visibility;
use crate::waiting::Waiting;

/// A command about to be executed. Say more with the methods, then await it.
#[must_use = "nothing happens until it is awaited"]
pub struct Execute<'a, A: Aggregate> {
    engine: &'a Engine<A::Services>,
    id: String,
    command: A::Command,
    command_id: Option<CommandId>,
    expected: Option<Sequence>,
    context: Option<Metadata>,
    joint: Option<&'a dyn Join>,
    waiting: Waiting<'a>,
}

/// What a command would lead to. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun<E> {
    /// The events it would write.
    pub events: Vec<E>,
    /// The sequence of the state it was decided on.
    pub sequence: Sequence,
}

impl<'a, A: Aggregate> Execute<'a, A> {
    pub(crate) fn new(
        engine: &'a Engine<A::Services>,
        visibility: Option<&'a Visibility>,
        id: &A::Id,
        command: A::Command,
    ) -> Self {
        Self {
            engine,
            id: id.to_string(),
            command,
            command_id: None,
            expected: None,
            context: None,
            joint: None,
            waiting: Waiting::new(visibility),
        }
    }

    /// Names the command, so that repeating it changes nothing more: a repeat returns the first
    /// outcome, at any later time. A rejected command leaves no outcome and is decided anew.
    pub fn command_id(mut self, id: CommandId) -> Self {
        self.command_id = Some(id);
        self
    }

    /// Executes only if the aggregate is at exactly this sequence; 0 means that it must not exist.
    pub fn expect_sequence(mut self, sequence: Sequence) -> Self {
        self.expected = Some(sequence);
        self
    }

    /// The metadata of the events, instead of what [`with_context`](crate::with_context) set. Ids
    /// of correlation and causation that it lacks are filled in.
    pub fn context(mut self, context: Metadata) -> Self {
        self.context = Some(context);
        self
    }

    /// Has the events of another command written with its own, if that can be done; the joint knows
    /// whether it was.
    pub(crate) fn along(mut self, joint: Option<&'a dyn Join>) -> Self {
        self.joint = joint;
        self
    }

    /// Is answered only when the read model `projection` shows what came of it, so that the caller
    /// reads what it wrote. Said several times, it waits for all of them.
    ///
    /// The application must know its read models by
    /// [`App::with_visibility`](crate::App::with_visibility), and waits at most
    /// [`Options::visible_within`](crate::Options::visible_within). If that is not enough, the
    /// answer is [`ExecuteError::NotVisible`], although the command is executed and durable.
    pub fn wait_for(mut self, projection: impl Into<String>) -> Self {
        self.waiting.add(projection.into());
        self
    }

    /// Decides on the state now and returns the events, writing nothing.
    ///
    /// # Errors
    ///
    /// As awaiting it, short of those that come from writing.
    pub async fn dry_run(self) -> Result<DryRun<A::Event>, ExecuteError<A::Error>> {
        let stream = StreamId::new(A::TYPE, self.id)?;
        let loaded = load::<A>(self.engine, &stream).await?;
        let sequence = loaded.sequence;
        check_expected(&stream, self.expected, sequence)?;
        let decided = loaded.state.handle(self.command, &self.engine.services);
        let events = decided.map_err(ExecuteError::Rejected)?;
        Ok(DryRun { events, sequence })
    }
}

impl<A: Aggregate> Execute<'_, A> {
    async fn run(self, stream: StreamId, command_id: CommandId, begun: &Begun) -> Outcome<A> {
        let Engine { resources, services, lanes } = self.engine;
        let lane = lanes.lane::<A>(&stream);
        let execution = Execution {
            resources,
            services,
            lane: &lane,
            stream,
            command: self.command,
            command_id,
            is_repeatable: self.command_id.is_some(),
            expected: self.expected,
            metadata: context::metadata(self.context, command_id)?,
            joint: self.joint,
            begun,
        };
        let executed = execution.run().await?;
        let within = resources.options.visible_within;
        self.waiting.wait(executed.command_id, executed.token, within).await?;
        Ok(executed)
    }
}

impl<'a, A: Aggregate> IntoFuture for Execute<'a, A> {
    type Output = Outcome<A>;
    type IntoFuture = Pin<Box<dyn Future<Output = Outcome<A>> + Send + 'a>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            self.waiting.check()?;
            let stream = StreamId::new(A::TYPE, std::mem::take(&mut self.id))?;
            let command_id = self.command_id.unwrap_or_else(CommandId::new);
            let name = A::command_name(&self.command);
            let begun = Begun::execute(name, A::TYPE, &stream, command_id);
            let run = self.run(stream, command_id, &begun).instrument(begun.span.clone());
            let executed = run.await;
            begun.executed(&executed);
            executed
        })
    }
}

impl<A: Aggregate> fmt::Debug for Execute<'_, A> {
    /// Without the command, which may hold what does not belong into logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Execute")
            .field("aggregate_type", &A::TYPE)
            .field("id", &self.id)
            .field("command_id", &self.command_id)
            .field("expected", &self.expected)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

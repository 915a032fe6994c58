//! Making a decision across streams.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use annals_core::{
    Append, AppendCondition, Appended, CommandId, ConsistencyToken, Decision, DecodeError,
    EventQuery, EventStore, Json, Metadata, Position, Read, RecordedEvent, StreamId, codec,
};
use tracing::Instrument;

use crate::context;
use crate::engine::Engine;
use crate::error::{ExecuteError, LoadError};
use crate::outcome;
use crate::submit::{Sent, Submitted, is_conflict, refusal, submit};
use crate::telemetry::{self, Begun, Loading};
use crate::visibility::Visibility;
use crate::waiting::Waiting;

/// A decision about to be made. Say more with the methods, then await it.
#[must_use = "nothing happens until it is awaited"]
pub struct Decide<'a, D: Decision> {
    engine: &'a Engine<D::Services>,
    decision: D,
    command_id: Option<CommandId>,
    context: Option<Metadata>,
    waiting: Waiting<'a>,
}

/// What a decision led to. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<E> {
    /// The decision's id: the one given, else a new one.
    pub command_id: CommandId,
    /// The events and the streams they went to, in their order.
    pub events: Vec<(StreamId, E)>,
    /// Whoever has read the log up to this position has seen all that this answer rests on.
    pub position: Position,
    /// Presented to a query, it is answered only by a read model that knows of this.
    pub token: ConsistencyToken,
    /// The log already had the outcome of this command id, and this is it; nothing more was
    /// written.
    pub repeated: bool,
    /// How often it was decided. More than one means that something new came in between.
    pub attempts: u32,
}

type Outcome<D> = Result<Decided<<D as Decision>::Event>, ExecuteError<<D as Decision>::Error>>;

impl<'a, D: Decision> Decide<'a, D> {
    pub(crate) fn new(
        engine: &'a Engine<D::Services>,
        visibility: Option<&'a Visibility>,
        decision: D,
    ) -> Self {
        let waiting = Waiting::new(visibility);
        Self { engine, decision, command_id: None, context: None, waiting }
    }

    /// Names the decision, so that repeating it changes nothing more: a repeat returns the first
    /// outcome, at any later time. A rejected one leaves no outcome and is decided anew.
    pub fn command_id(mut self, id: CommandId) -> Self {
        self.command_id = Some(id);
        self
    }

    /// The metadata of the events, instead of what [`with_context`](crate::with_context) set. Ids
    /// of correlation and causation that it lacks are filled in.
    pub fn context(mut self, context: Metadata) -> Self {
        self.context = Some(context);
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

    /// Decides on the log as it is now and returns the events, writing nothing.
    ///
    /// # Errors
    ///
    /// As awaiting it, short of those that come from writing.
    pub async fn dry_run(self) -> Result<Vec<(StreamId, D::Event)>, ExecuteError<D::Error>> {
        let mut seen = Seen::<D>::new(&self.decision)?;
        seen.catch_up(&*self.engine.resources.store, &self.decision).await?;
        self.decision.decide(&seen.state, &self.engine.services).map_err(ExecuteError::Rejected)
    }
}

impl<D: Decision> Decide<'_, D> {
    async fn run(self, command_id: CommandId, begun: &Begun) -> Outcome<D> {
        let seen = Seen::<D>::new(&self.decision)?;
        let making = Making {
            engine: self.engine,
            decision: self.decision,
            command_id,
            is_repeatable: self.command_id.is_some(),
            metadata: context::metadata(self.context, command_id)?,
            begun,
        };
        let decided = making.run(seen).await?;
        let within = self.engine.resources.options.visible_within;
        self.waiting.wait(decided.command_id, decided.token, within).await?;
        Ok(decided)
    }
}

impl<'a, D: Decision + 'a> IntoFuture for Decide<'a, D> {
    type Output = Outcome<D>;
    type IntoFuture = Pin<Box<dyn Future<Output = Outcome<D>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.waiting.check()?;
            let command_id = self.command_id.unwrap_or_else(CommandId::new);
            let begun = Begun::decide(self.decision.name(), command_id);
            let decided = self.run(command_id, &begun).instrument(begun.span.clone()).await;
            begun.decided(&decided);
            decided
        })
    }
}

impl<D: Decision> fmt::Debug for Decide<'_, D> {
    /// Without the decision, which may hold what does not belong into logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decide")
            .field("command_id", &self.command_id)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

/// What a decision knows of the log.
struct Seen<D: Decision> {
    query: EventQuery,
    state: D::State,
    /// The log is known up to here.
    through: Position,
}

impl<D: Decision> Seen<D> {
    fn new(decision: &D) -> Result<Self, ExecuteError<D::Error>> {
        Ok(Self { query: decision.query()?, state: D::State::default(), through: Position::ZERO })
    }

    /// Reads on to the end. After a conflict, only what is new.
    async fn catch_up(&mut self, store: &dyn EventStore, decision: &D) -> Result<(), LoadError> {
        let loading = Loading::begin();
        match self.read_on(store, decision).instrument(loading.span.clone()).await {
            Ok(applied) => {
                loading.read(applied);
                Ok(())
            }
            Err(error) => {
                loading.failed(&error);
                Err(error)
            }
        }
    }

    /// How many events were new.
    async fn read_on(&mut self, store: &dyn EventStore, decision: &D) -> Result<u64, LoadError> {
        let mut applied = 0;
        loop {
            let page = store.read(Read::query(self.query.clone()).after(self.through)).await?;
            for recorded in &page.events {
                decision.apply(&mut self.state, &codec::decode_envelope(recorded)?);
                applied += 1;
            }
            self.through = page.through;
            if !page.has_more {
                return Ok(applied);
            }
        }
    }
}

/// A decision with all that has been said about it.
struct Making<'a, D: Decision> {
    engine: &'a Engine<D::Services>,
    decision: D,
    command_id: CommandId,
    /// The caller chose the id, so this may be a repeat.
    is_repeatable: bool,
    metadata: Json,
    begun: &'a Begun,
}

impl<D: Decision> Making<'_, D> {
    async fn run(self, mut seen: Seen<D>) -> Outcome<D> {
        let store = &*self.engine.resources.store;
        let mut attempts = 0;
        loop {
            attempts += 1;
            seen.catch_up(store, &self.decision).await?;
            let decide = || self.decision.decide(&seen.state, &self.engine.services);
            let events = match telemetry::handle(decide) {
                Ok(events) if events.is_empty() && !self.is_repeatable => {
                    return Ok(self.decided(events, seen.through, attempts));
                }
                Ok(events) => events,
                Err(rejection) => return self.reject(rejection, attempts).await,
            };
            let append = self.append(&events, &seen)?;
            let sent = Sent::new(store, &append).await;
            match submit(store, &append, sent, &self.engine.resources.options.retry).await {
                Ok(submitted)
                    if submitted.appended.repeated
                        && !outcome::is_own(store, &append, &submitted, self.command_id)
                            .await? =>
                {
                    return self.repeated(&submitted.appended, attempts).await;
                }
                Ok(Submitted { appended, .. }) => {
                    return Ok(self.decided(events, appended.last_position(), attempts));
                }
                Err(conflict) if is_conflict(&conflict) => {
                    tracing::debug!(attempts, "conflict");
                    self.begun.conflict();
                    if !self.engine.resources.options.retry.pause_after(attempts).await {
                        return Err(refusal(conflict, self.command_id, attempts));
                    }
                }
                Err(error) => return Err(refusal(error, self.command_id, attempts)),
            }
        }
    }

    fn append(
        &self,
        events: &[(StreamId, D::Event)],
        seen: &Seen<D>,
    ) -> Result<Append, ExecuteError<D::Error>> {
        let events = events
            .iter()
            .map(|(stream, event)| codec::encode(stream, event, &self.metadata))
            .collect::<Result<_, _>>()?;
        let condition = AppendCondition::default().nothing_new(seen.query.clone(), seen.through);
        Ok(Append::new(events, condition, Some(self.command_id))?)
    }

    /// A rejection, unless it is a repeat: that is often rejected just because the first one
    /// succeeded.
    async fn reject(&self, rejection: D::Error, attempts: u32) -> Outcome<D> {
        if self.is_repeatable
            && let Some(first) = self.engine.resources.store.find_command(self.command_id).await?
        {
            return self.repeated(&first, attempts).await;
        }
        Err(ExecuteError::Rejected(rejection))
    }

    /// The first outcome, from the log.
    async fn repeated(&self, first: &Appended, attempts: u32) -> Outcome<D> {
        let recorded = outcome::events(&*self.engine.resources.store, first).await?;
        let typed =
            |recorded: &RecordedEvent| Ok((recorded.stream.clone(), codec::decode(recorded)?));
        let events: Result<_, DecodeError> = recorded.iter().map(typed).collect();
        let events = events.map_err(|error| ExecuteError::Load(error.into()))?;
        let repeated = true;
        Ok(Decided { repeated, ..self.decided(events, first.last_position(), attempts) })
    }

    fn decided(
        &self,
        events: Vec<(StreamId, D::Event)>,
        position: Position,
        attempts: u32,
    ) -> Decided<D::Event> {
        let command_id = self.command_id;
        let token = self.engine.resources.token(position);
        Decided { command_id, events, position, token, repeated: false, attempts }
    }
}

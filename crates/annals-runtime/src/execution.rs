//! One command on its way from a state to the log.

use annals_core::{
    Aggregate, Append, AppendCondition, AppendError, Appended, CommandId, ConsistencyToken,
    EventStore, Json, NewEvent, Position, Sequence, StreamId, codec,
};

use crate::error::ExecuteError;
use crate::joint::{Join, Joined};
use crate::lane::{Confirmed, Held, Lane};
use crate::outcome;
use crate::resources::Resources;
use crate::snapshot::save_snapshot;
use crate::submit::{Sent, Submitted, is_conflict, refusal, submit};
use crate::telemetry::{self, Begun};

/// What executing a command led to. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed<E> {
    /// The command's id: the one given, else a new one.
    pub command_id: CommandId,
    /// The events, in their order; none if the command had nothing to change.
    pub events: Vec<E>,
    /// The sequence of the last event; without events, that of the state it was decided on.
    pub sequence: Sequence,
    /// Whoever has read the log up to this position has seen all that this answer rests on: with
    /// events, it is the position of the last one.
    pub position: Position,
    /// Presented to a query, it is answered only by a read model that knows of this.
    pub token: ConsistencyToken,
    /// The log already had the outcome of this command id, and this is it; nothing more was
    /// written.
    pub repeated: bool,
    /// How often it was decided. More than one means conflicts with other writers.
    pub attempts: u32,
}

/// What executing gives.
pub(crate) type Outcome<A> =
    Result<Executed<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Error>>;

/// A command with all that has been said about it.
pub(crate) struct Execution<'a, A: Aggregate> {
    pub(crate) resources: &'a Resources,
    pub(crate) services: &'a A::Services,
    pub(crate) lane: &'a Lane<A>,
    pub(crate) stream: StreamId,
    pub(crate) command: A::Command,
    pub(crate) command_id: CommandId,
    /// The caller chose the id, so this may be a repeat.
    pub(crate) is_repeatable: bool,
    pub(crate) expected: Option<Sequence>,
    pub(crate) metadata: Json,
    /// What is to be written with it, if that can be done.
    pub(crate) joint: Option<&'a dyn Join>,
    pub(crate) begun: &'a Begun,
}

/// Why a turn ends without writing.
enum Refusal<E: std::error::Error + 'static> {
    Error(ExecuteError<E>),
    NothingToDo { sequence: Sequence },
}

/// An attempt's answer, or the conflict because of which there must be another attempt.
type Attempt<A> = Result<
    Result<Executed<<A as Aggregate>::Event>, AppendError>,
    ExecuteError<<A as Aggregate>::Error>,
>;

impl<A: Aggregate> Execution<'_, A> {
    pub(crate) async fn run(self) -> Outcome<A> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(attempts).await? {
                Ok(executed) => return Ok(executed),
                Err(conflict) => {
                    tracing::debug!(stream = %self.stream, attempts, "conflict");
                    self.begun.conflict();
                    if !self.resources.options.retry.pause_after(attempts).await {
                        return Err(refusal(conflict, self.command_id, attempts));
                    }
                }
            }
        }
    }

    async fn attempt(&self, attempts: u32) -> Attempt<A> {
        let mut held = self.lane.hold(self.resources, &self.stream).await?;
        loop {
            let refused = match self.decide(&held) {
                Ok(events) => return self.write(held, events, attempts).await,
                Err(refused) => refused,
            };
            held = match held.confirm(&*self.resources.store, &self.stream).await? {
                Confirmed::Current(position) => {
                    return self.refuse(refused, position, attempts).await.map(Ok);
                }
                Confirmed::Changed(newer) => newer,
                Confirmed::Lost => self.lane.hold(self.resources, &self.stream).await?,
            };
        }
    }

    fn decide(&self, held: &Held<'_, A>) -> Result<Vec<A::Event>, Refusal<A::Error>> {
        let sequence = held.sequence();
        check_expected(&self.stream, self.expected, sequence).map_err(Refusal::Error)?;
        let handle = || held.state().handle(self.command.clone(), self.services);
        let events = telemetry::handle(handle)
            .map_err(|rejection| Refusal::Error(ExecuteError::Rejected(rejection)))?;
        // A caller that may repeat the command must then get "nothing" again, whatever the state is
        // by then, so that outcome is written too.
        if events.is_empty() && !self.is_repeatable {
            return Err(Refusal::NothingToDo { sequence });
        }
        Ok(events)
    }

    /// The answer when nothing is to be written, unless the command has already been executed: a
    /// repeat is often refused just because the first one succeeded.
    async fn refuse(
        &self,
        refused: Refusal<A::Error>,
        position: Position,
        attempts: u32,
    ) -> Outcome<A> {
        if self.is_repeatable
            && let Some(first) = self.resources.store.find_command(self.command_id).await?
        {
            return self.repeated(&first, attempts).await;
        }
        match refused {
            Refusal::Error(error) => Err(error),
            Refusal::NothingToDo { sequence } => Ok(Executed {
                command_id: self.command_id,
                events: Vec::new(),
                sequence,
                position,
                token: self.resources.token(position),
                repeated: false,
                attempts,
            }),
        }
    }

    async fn write(&self, held: Held<'_, A>, events: Vec<A::Event>, attempts: u32) -> Attempt<A> {
        let mut joined = self.joint.and_then(|joint| joint.join(&self.stream, &self.metadata));
        let append = match self.append(&events, &held, joined.as_deref()) {
            // Together they may be more than an append can hold.
            Err(_) if joined.take().is_some() => self.append(&events, &held, None),
            append => append,
        }?;
        let mut own = append.events().iter().take(events.len());
        let last_event = own.next_back().map(NewEvent::event_id);
        let store = &*self.resources.store;
        let options = &self.resources.options;
        let sent = Sent::new(store, &append).await;
        let in_flight = held.advance(&events, last_event, options.snapshot_every);
        if let Some(joined) = &mut joined {
            joined.advance();
        }
        match submit(store, &append, sent, &options.retry).await {
            Ok(submitted)
                if submitted.appended.repeated
                    && !outcome::is_own(store, &append, &submitted, self.command_id).await? =>
            {
                drop((in_flight, joined));
                self.repeated(&submitted.appended, attempts).await.map(Ok)
            }
            Ok(Submitted { appended, .. }) => {
                let (sequence, position) = (in_flight.sequence(), appended.last_position());
                save_snapshot(self.resources, &self.stream, in_flight.settle(position)).await;
                if let Some(joined) = joined {
                    joined.settle(position).await;
                }
                Ok(Ok(Executed {
                    command_id: self.command_id,
                    events,
                    sequence,
                    position,
                    token: self.resources.token(position),
                    repeated: false,
                    attempts,
                }))
            }
            Err(conflict) if is_conflict(&conflict) => Ok(Err(conflict)),
            Err(error) => Err(refusal(error, self.command_id, attempts)),
        }
    }

    fn append(
        &self,
        events: &[A::Event],
        held: &Held<'_, A>,
        joined: Option<&dyn Joined>,
    ) -> Result<Append, ExecuteError<A::Error>> {
        let mut events: Vec<NewEvent> = events
            .iter()
            .map(|event| codec::encode(&self.stream, event, &self.metadata))
            .collect::<Result<_, _>>()?;
        let mut condition = held.expect(AppendCondition::default(), &self.stream);
        if let Some(joined) = joined {
            events.extend_from_slice(joined.events());
            condition = joined.expect(condition);
        }
        Ok(Append::new(events, condition, Some(self.command_id))?)
    }

    /// The first outcome of the command, from the log.
    async fn repeated(&self, first: &Appended, attempts: u32) -> Outcome<A> {
        let recorded = outcome::events(&*self.resources.store, first).await?;
        outcome::check_stream(&recorded, &self.stream, self.command_id)?;
        let events = recorded.iter().map(codec::decode).collect::<Result<_, _>>();
        let sequence = match first.sequences.last() {
            Some(last) => *last,
            None => {
                let position = first.last_position();
                outcome::sequence_at(&*self.resources.store, &self.stream, position).await?
            }
        };
        Ok(Executed {
            command_id: self.command_id,
            events: events.map_err(|error| ExecuteError::Load(error.into()))?,
            sequence,
            position: first.last_position(),
            token: self.resources.token(first.last_position()),
            repeated: true,
            attempts,
        })
    }
}

pub(crate) fn check_expected<E: std::error::Error>(
    stream: &StreamId,
    expected: Option<Sequence>,
    actual: Sequence,
) -> Result<(), ExecuteError<E>> {
    match expected {
        Some(expected) if expected != actual => {
            Err(ExecuteError::SequenceMismatch { stream: stream.clone(), expected, actual })
        }
        _ => Ok(()),
    }
}

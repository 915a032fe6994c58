//! A command on one aggregate whose events go into the append of a command on another.
//!
//! Whoever executes the first and then takes note of it by the second saves an append: either both
//! are written or neither is (G1). It is a shortcut and no more, taken only if the second
//! aggregate's state is in memory and its turn is free at that moment. So nobody waits for a turn
//! while holding another, and whoever asks for it must be able to execute the two one by one.

use std::sync::{Arc, Mutex, PoisonError};

use annals_core::{
    Aggregate, AppendCondition, BoxFuture, Json, NewEvent, Position, Sequence, StreamId, codec,
};

use crate::engine::Engine;
use crate::lane::{Held, InFlight, Lane};
use crate::resources::Resources;
use crate::snapshot::save_snapshot;

/// The second command. Kept until the first has its outcome, it then knows whether it was written.
pub(crate) struct Joint<'a, A: Aggregate> {
    resources: &'a Resources,
    services: &'a A::Services,
    lane: Arc<Lane<A>>,
    stream: StreamId,
    command: A::Command,
    written: Mutex<Option<Written<A::Event>>>,
}

/// What the second command has led to. It is durable.
pub(crate) struct Written<E> {
    pub(crate) events: Vec<E>,
    /// The sequence of the last one.
    pub(crate) sequence: Sequence,
}

/// A joint, whatever its aggregate.
pub(crate) trait Join: Send + Sync {
    /// Takes the turn and decides; nothing if that cannot be done now, or nothing is to be written.
    fn join(&self, first: &StreamId, metadata: &Json) -> Option<Box<dyn Joined + '_>>;
}

/// The turn in the second aggregate's lane. Dropped before it is settled, it discards the state.
pub(crate) trait Joined: Send {
    /// What is to be written.
    fn events(&self) -> &[NewEvent];

    /// Adds what must be true for it.
    fn expect(&self, condition: AppendCondition) -> AppendCondition;

    /// The append is on its way: passes the turn on.
    fn advance(&mut self);

    /// It is durable, as of this position.
    fn settle<'a>(self: Box<Self>, position: Position) -> BoxFuture<'a, ()>
    where
        Self: 'a;
}

struct Turn<'a, A: Aggregate> {
    joint: &'a Joint<'a, A>,
    held: Option<Held<'a, A>>,
    in_flight: Option<InFlight<'a, A>>,
    events: Vec<A::Event>,
    new: Vec<NewEvent>,
}

impl<'a, A: Aggregate> Joint<'a, A> {
    pub(crate) fn new(
        engine: &'a Engine<A::Services>,
        stream: StreamId,
        command: A::Command,
    ) -> Self {
        let Engine { resources, services, lanes } = engine;
        let lane = lanes.lane::<A>(&stream);
        Self { resources, services, lane, stream, command, written: Mutex::new(None) }
    }

    /// What came of it; nothing if it was not written with the first.
    pub(crate) fn into_written(self) -> Option<Written<A::Event>> {
        self.written.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> Join for Joint<'_, A> {
    fn join(&self, first: &StreamId, metadata: &Json) -> Option<Box<dyn Joined + '_>> {
        if *first == self.stream {
            return None;
        }
        let held = self.lane.try_hold()?;
        let events = held.state().handle(self.command.clone(), self.services).ok()?;
        let new = events.iter().map(|event| codec::encode(&self.stream, event, metadata));
        let new: Vec<NewEvent> = new.collect::<Result<_, _>>().ok()?;
        let turn = Turn { joint: self, held: Some(held), in_flight: None, events, new };
        (!turn.new.is_empty()).then(|| Box::new(turn) as Box<dyn Joined>)
    }
}

impl<A: Aggregate> Joined for Turn<'_, A> {
    fn events(&self) -> &[NewEvent] {
        &self.new
    }

    fn expect(&self, condition: AppendCondition) -> AppendCondition {
        match &self.held {
            Some(held) => held.expect(condition, &self.joint.stream),
            None => condition,
        }
    }

    fn advance(&mut self) {
        let last_event = self.new.last().map(NewEvent::event_id);
        let snapshot_every = self.joint.resources.options.snapshot_every;
        self.in_flight =
            self.held.take().map(|held| held.advance(&self.events, last_event, snapshot_every));
    }

    fn settle<'a>(self: Box<Self>, position: Position) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let Self { joint, in_flight, events, .. } = *self;
            let Some(in_flight) = in_flight else { return };
            let sequence = in_flight.sequence();
            let due = in_flight.settle(position);
            let written = Some(Written { events, sequence });
            *joint.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
            save_snapshot(joint.resources, &joint.stream, due).await;
        })
    }
}

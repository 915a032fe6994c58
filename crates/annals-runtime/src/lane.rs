//! The queue of one aggregate inside one application.
//!
//! Commands for one aggregate are decided one after the other, each on the state the one before
//! left behind, without waiting for that one's flush: their appends travel together. What makes
//! this safe is that each append expects the very event its predecessor was to write, so if one
//! fails all after it fail too, and that no answer leaves before the state it rests on is durable.
//! (Expecting only the sequence would not do: were the predecessor refused because somebody else
//! was faster, the sequence would fit all the same.)

use annals_core::{
    Aggregate, AppendCondition, EventId, EventStore, Position, Read, Sequence, StreamId,
};
use tokio::sync::{Mutex, MutexGuard, watch};
use tracing::Instrument;

use crate::error::LoadError;
use crate::loaded::Loaded;
use crate::page;
use crate::replay::{Moment, Replayed, replay};
use crate::resources::Resources;
use crate::snapshot::{SnapshotDue, save_snapshot};
use crate::telemetry::Loading;

#[derive(Debug)]
pub(crate) struct Lane<A> {
    /// The state after the last decided command; `None` until it is needed. The lock is the queue:
    /// it is handed over in the order of arrival, and held while loading so that only one loads.
    ahead: Mutex<Option<Ahead<A>>>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Ahead<A> {
    replayed: Replayed<A>,
    generation: u64,
}

/// How far the lane's state is durable.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Counts how often a state turned out wrong; a state of an older generation is worthless.
    generation: u64,
    durable: Sequence,
    /// At or after the event with that sequence, and before any later one that it does not contain.
    position: Position,
}

impl<A> Default for Lane<A> {
    fn default() -> Self {
        let none = Progress { generation: 0, durable: Sequence::ZERO, position: Position::ZERO };
        Self { ahead: Mutex::new(None), progress: watch::Sender::new(none) }
    }
}

impl<A: Aggregate> Lane<A> {
    /// Waits for the turn and makes sure that there is a state.
    pub(crate) async fn hold(
        &self,
        resources: &Resources,
        stream: &StreamId,
    ) -> Result<Held<'_, A>, LoadError> {
        let loading = Loading::begin();
        let held = self.take_turn(resources, stream).instrument(loading.span.clone()).await;
        match &held {
            Ok(held) if held.is_fresh => {
                let applied = held.ahead().replayed.applied;
                loading.replayed(A::TYPE, held.sequence(), applied);
            }
            Ok(held) => loading.remembered(A::TYPE, held.sequence()),
            Err(error) => loading.failed(error),
        }
        held
    }

    async fn take_turn(
        &self,
        resources: &Resources,
        stream: &StreamId,
    ) -> Result<Held<'_, A>, LoadError> {
        let mut guard = self.ahead.lock().await;
        let generation = self.progress.borrow().generation;
        let is_usable = guard.as_ref().is_some_and(|ahead| ahead.generation == generation);
        if !is_usable {
            *guard = None;
            let replayed = replay::<A>(resources, stream, Moment::Now).await?;
            if replayed.applied >= resources.options.snapshot_every {
                save_snapshot(resources, stream, SnapshotDue::of(&replayed)).await;
            }
            let generation = self.restart(&replayed);
            *guard = Some(Ahead { replayed, generation });
        }
        Ok(Held { lane: self, guard, is_fresh: !is_usable })
    }

    /// Takes the turn if nobody has it and there is a state. Neither waits nor loads.
    pub(crate) fn try_hold(&self) -> Option<Held<'_, A>> {
        let guard = self.ahead.try_lock().ok()?;
        let generation = self.progress.borrow().generation;
        let is_usable = guard.as_ref().is_some_and(|ahead| ahead.generation == generation);
        is_usable.then(|| Held { lane: self, guard, is_fresh: false })
    }

    /// Takes a state that was read from the log, hence is durable, as the new start.
    fn restart(&self, replayed: &Replayed<A>) -> u64 {
        let mut generation = 0;
        self.progress.send_modify(|progress| {
            progress.durable = replayed.sequence;
            progress.position = replayed.position;
            generation = progress.generation;
        });
        generation
    }
}

impl<A> Lane<A> {
    /// Has the state of this generation, and whatever follows from it, discarded.
    fn discard(&self, generation: u64) {
        self.progress.send_modify(|progress| {
            if progress.generation == generation {
                progress.generation += 1;
            }
        });
    }
}

/// The turn in a lane. Dropping it passes the turn on.
#[derive(Debug)]
pub(crate) struct Held<'l, A: Aggregate> {
    lane: &'l Lane<A>,
    guard: MutexGuard<'l, Option<Ahead<A>>>,
    /// The state was read from the log during this turn.
    is_fresh: bool,
}

/// Whether an answer may rest on the state of a turn.
#[derive(Debug)]
pub(crate) enum Confirmed<'l, A: Aggregate> {
    /// The state is durable and was current at some moment since the turn began. Whoever has read
    /// the log up to this position has seen all it rests on.
    Current(Position),
    /// Events from elsewhere have come in; the turn goes on with them.
    Changed(Held<'l, A>),
    /// The state never became durable. Take another turn.
    Lost,
}

/// How a lane's state relates to the log.
enum CaughtUp {
    /// The log ends with it.
    Same,
    /// The log had more, and now the state has it too.
    Changed,
    /// The log does not have its last events yet.
    OnItsWay,
    /// It is not a state of this log, and has been discarded.
    OtherHistory,
}

impl<'l, A: Aggregate> Held<'l, A> {
    pub(crate) fn state(&self) -> &A {
        &self.ahead().replayed.state
    }

    pub(crate) fn sequence(&self) -> Sequence {
        self.ahead().replayed.sequence
    }

    /// The event the state ends with.
    fn last_event(&self) -> Option<EventId> {
        self.ahead().replayed.last_event
    }

    /// Adds that the stream must still end with the state's last event.
    pub(crate) fn expect(&self, condition: AppendCondition, stream: &StreamId) -> AppendCondition {
        match self.last_event() {
            Some(event_id) => condition.expect_event(stream.clone(), self.sequence(), event_id),
            None => condition.expect_sequence(stream.clone(), self.sequence()),
        }
    }

    pub(crate) fn loaded(&self) -> Loaded<A> {
        Loaded { state: self.state().clone(), sequence: self.sequence() }
    }

    fn ahead(&self) -> &Ahead<A> {
        self.guard.as_ref().expect("a lane that is held has a state")
    }

    /// Makes sure that an answer resting on the state, such as a rejection, is true.
    ///
    /// The log is asked, unless the store knows that nothing has come in since. If it does not have
    /// the state's last event yet, its arrival is awaited with the turn passed on: the append that
    /// brings it expects its predecessor, so the state is the current one at that moment, which is
    /// within this turn. The arrival alone would not do: its answer may be late, and another
    /// process have written since, and told so.
    pub(crate) async fn confirm(
        mut self,
        store: &dyn EventStore,
        stream: &StreamId,
    ) -> Result<Confirmed<'l, A>, LoadError> {
        let (generation, sequence) = (self.ahead().generation, self.sequence());
        let progress = *self.lane.progress.borrow();
        if progress.generation != generation {
            return Ok(Confirmed::Lost);
        }
        let is_durable = sequence <= progress.durable;
        if self.is_fresh || (is_durable && store.is_unchanged_since(stream, progress.position)) {
            return Ok(Confirmed::Current(progress.position));
        }
        match self.catch_up(store, stream, progress.durable).await? {
            CaughtUp::Same => Ok(Confirmed::Current(self.ahead().replayed.position)),
            CaughtUp::Changed => {
                self.is_fresh = true;
                Ok(Confirmed::Changed(self))
            }
            CaughtUp::OnItsWay => {
                let mut settled = self.lane.progress.subscribe();
                drop(self);
                let is_settled =
                    |at: &Progress| at.generation != generation || at.durable >= sequence;
                let at = *settled.wait_for(is_settled).await.expect("the lane is borrowed");
                let is_lost = at.generation != generation;
                Ok(if is_lost { Confirmed::Lost } else { Confirmed::Current(at.position) })
            }
            CaughtUp::OtherHistory => Ok(Confirmed::Lost),
        }
    }

    /// Compares the state with the log, and applies what others have written since. `durable` is
    /// how far the state was known to be in the log.
    ///
    /// The last event that is known is read as well: if another one stands in its place, the log
    /// was restored or failed over to a history that does not contain this state.
    async fn catch_up(
        &mut self,
        store: &dyn EventStore,
        stream: &StreamId,
        durable: Sequence,
    ) -> Result<CaughtUp, LoadError> {
        let (known, last_event) = (self.sequence(), self.last_event());
        let read = Read::stream(stream.clone(), known.before());
        let (mut page, mut rest) = page::with_events(store, read).await?;
        let mut newer = page.events.iter();
        if let Some(id) = last_event {
            match newer.next() {
                Some(last) if (last.sequence, last.event_id) == (known, id) => {}
                None if known > durable => return Ok(CaughtUp::OnItsWay),
                _ => {
                    self.lane.discard(self.ahead().generation);
                    return Ok(CaughtUp::OtherHistory);
                }
            }
        }
        // Taken, because a state that is left half caught up must not be found by the next turn.
        let ahead = self.guard.take().expect("a lane that is held has a state");
        let mut replayed = ahead.replayed;
        loop {
            for event in newer {
                replayed.apply(event)?;
            }
            replayed.position = page.through;
            let Some(read) = rest else { break };
            (page, rest) = page::with_events(store, read).await?;
            newer = page.events.iter();
        }
        let is_changed = replayed.sequence > known;
        let generation = self.lane.restart(&replayed);
        *self.guard = Some(Ahead { replayed, generation });
        Ok(if is_changed { CaughtUp::Changed } else { CaughtUp::Same })
    }

    /// Moves the state past events that are on their way into the log, and passes the turn on.
    ///
    /// `last_event` is the id of the last of them.
    pub(crate) fn advance(
        mut self,
        events: &[A::Event],
        last_event: Option<EventId>,
        snapshot_every: u64,
    ) -> InFlight<'l, A> {
        let generation = self.ahead().generation;
        let sequence = self.sequence().plus(events.len() as u64);
        // Made before the events are applied: should `apply` panic, the state is discarded.
        let mut in_flight =
            InFlight { lane: self.lane, generation, sequence, snapshot: None, is_settled: false };
        let ahead = self.guard.as_mut().expect("a lane that is held has a state");
        let replayed = &mut ahead.replayed;
        let is_snapshot_due =
            replayed.sequence.get() / snapshot_every < sequence.get() / snapshot_every;
        for event in events {
            replayed.state.apply(event);
        }
        replayed.sequence = sequence;
        replayed.last_event = last_event.or(replayed.last_event);
        if is_snapshot_due {
            in_flight.snapshot = SnapshotDue::of(replayed);
        }
        in_flight
    }
}

/// Events of a lane between being sent to the store and its answer.
///
/// Dropped without being settled (a conflict, an error, a caller that went away), it discards the
/// lane's state: what comes after it in the lane was decided on events that may not exist.
#[derive(Debug)]
pub(crate) struct InFlight<'l, A> {
    lane: &'l Lane<A>,
    generation: u64,
    sequence: Sequence,
    snapshot: Option<SnapshotDue<A>>,
    is_settled: bool,
}

impl<A> InFlight<'_, A> {
    /// The sequence the stream has with them.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The events are durable, the last of them at `position`. Returns the state to save, if this
    /// is a good moment for it.
    pub(crate) fn settle(mut self, position: Position) -> Option<SnapshotDue<A>> {
        self.is_settled = true;
        self.lane.progress.send_modify(|progress| {
            if progress.generation == self.generation {
                progress.durable = progress.durable.max(self.sequence);
                progress.position = progress.position.max(position);
            }
        });
        self.snapshot.take()
    }
}

impl<A> Drop for InFlight<'_, A> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.lane.discard(self.generation);
    }
}

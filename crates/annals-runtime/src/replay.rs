//! Folding a stream's events into a state, from a snapshot if one fits.

use annals_core::{
    Aggregate, EventId, EventStore, Position, Read, ReadError, RecordedEvent, Sequence, Snapshot,
    StreamId, codec,
};

use crate::error::LoadError;
use crate::loaded::At;
use crate::resources::Resources;
use crate::started::Started;

/// Events per page when replaying a stream.
///
/// The next page is read while this one is decoded; pages of this size keep both busy and let a
/// short stream do with one.
const REPLAY_PAGE_EVENTS: usize = 1_000;

/// How far to replay.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Now,
    At(At),
}

/// A state that has been read from the log, so it is durable.
#[derive(Debug, Clone)]
pub(crate) struct Replayed<A> {
    pub(crate) state: A,
    pub(crate) sequence: Sequence,
    /// How far the log was read: it has no other event of the stream up to here.
    pub(crate) position: Position,
    /// The last event, which a snapshot of this state must name.
    pub(crate) last_event: Option<EventId>,
    /// How many events had to be applied.
    pub(crate) applied: u64,
}

impl<A: Default> Default for Replayed<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            sequence: Sequence::ZERO,
            position: Position::ZERO,
            last_event: None,
            applied: 0,
        }
    }
}

impl<A: Aggregate> Replayed<A> {
    /// Applies the next event of the stream.
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent) -> Result<(), LoadError> {
        if recorded.sequence != self.sequence.plus(1) {
            return Err(LoadError::Read(ReadError::Corrupt {
                position: recorded.position,
                detail: format!(
                    "sequence {} of {} follows sequence {}",
                    recorded.sequence, recorded.stream, self.sequence
                ),
            }));
        }
        self.state.apply(&codec::decode(recorded)?);
        self.reach(recorded);
        self.applied += 1;
        Ok(())
    }

    fn reach(&mut self, recorded: &RecordedEvent) {
        self.sequence = recorded.sequence;
        self.last_event = Some(recorded.event_id);
    }
}

/// Replays `stream` up to `moment`.
pub(crate) async fn replay<A: Aggregate>(
    resources: &Resources,
    stream: &StreamId,
    moment: Moment,
) -> Result<Replayed<A>, LoadError> {
    if let Some(snapshot) = find_snapshot::<A>(resources, stream, moment).await
        && let Some(replayed) = replay_onto(&*resources.store, stream, moment, snapshot).await?
    {
        return Ok(replayed);
    }
    let mut replayed = Replayed::default();
    let read = Read::stream(stream.clone(), Sequence::ZERO);
    let apply = |event: &RecordedEvent| replayed.apply(event);
    replayed.position = replay_pages(&*resources.store, read, moment, apply).await?;
    Ok(replayed)
}

/// Replays the events after a snapshot, or nothing if it does not fit.
///
/// The snapshot's own last event is read as well: only if the log has the very same event there was
/// the snapshot taken from this log. A log restored from a backup may have another, or none.
async fn replay_onto<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamId,
    moment: Moment,
    snapshot: Snapshot,
) -> Result<Option<Replayed<A>>, LoadError> {
    let Some(state) = snapshot.read::<A>() else { return Ok(None) };
    let mut base = Some(state);
    let mut replayed = None::<Replayed<A>>;
    let read = Read::stream(stream.clone(), snapshot.sequence.before());
    let position = replay_pages(store, read, moment, |event| {
        if let Some(replayed) = &mut replayed {
            return replayed.apply(event);
        }
        if let Some(state) = base.take()
            && (event.sequence, event.event_id) == (snapshot.sequence, snapshot.event_id)
        {
            let mut start = Replayed { state, ..Replayed::default() };
            start.reach(event);
            replayed = Some(start);
        }
        Ok(())
    })
    .await?;
    Ok(replayed.map(|replayed| Replayed { position, ..replayed }))
}

async fn find_snapshot<A: Aggregate>(
    resources: &Resources,
    stream: &StreamId,
    moment: Moment,
) -> Option<Snapshot> {
    let up_to = match moment {
        Moment::Now => Sequence::MAX,
        Moment::At(At::Sequence(sequence)) => sequence,
        // Where the snapshot stands in the log and in time is known only after reading its event.
        Moment::At(At::Position(_) | At::Time(_)) => return None,
    };
    let snapshots = resources.snapshots.as_ref()?;
    match snapshots.load(stream.clone(), A::STATE_VERSION, up_to).await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(%stream, error, "replaying without a snapshot");
            None
        }
    }
}

/// Hands each event of the read up to `moment` to `apply`, reading ahead by one page. Returns how
/// far it has read: the stream has no other event up to there.
async fn replay_pages(
    store: &dyn EventStore,
    read: Read,
    moment: Moment,
    mut apply: impl FnMut(&RecordedEvent) -> Result<(), LoadError>,
) -> Result<Position, LoadError> {
    let mut read = read.limit(REPLAY_PAGE_EVENTS);
    if let Moment::At(At::Position(position)) = moment {
        read = read.up_to(position);
    }
    let mut started = Started::new(store.read(read.clone())).await;
    loop {
        let page = started.finish().await?;
        let next = if page.has_more {
            read = read.after(page.through);
            Some(Started::new(store.read(read.clone())).await)
        } else {
            None
        };
        for event in &page.events {
            let is_beyond = match moment {
                Moment::At(At::Sequence(sequence)) => event.sequence > sequence,
                Moment::At(At::Time(time)) => event.timestamp > time,
                Moment::Now | Moment::At(At::Position(_)) => false,
            };
            if is_beyond {
                return Ok(event.position.before());
            }
            apply(event)?;
        }
        match next {
            Some(next) => started = next,
            None => return Ok(page.through),
        }
    }
}

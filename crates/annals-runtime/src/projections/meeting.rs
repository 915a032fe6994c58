//! Where two generations wait for one another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_core::{Checkpoint, ReadModels, ReadModelsError};
use tokio::time::Instant;

/// How long the workers of two generations wait for one another, before all go on and it is tried
/// again later.
///
/// They are milliseconds apart, and whoever waits for the read model waits as much longer. A worker
/// waits no longer than this either, should whoever called the meeting be gone.
pub(super) const MEETING_MAX: Duration = Duration::from_millis(250);

/// Pause between two looks whether they are there, or whether it is over.
pub(super) const MEETING_INTERVAL: Duration = Duration::from_millis(5);

/// A place in the log where the workers of a projection stop for a moment, in all processes.
///
/// Two generations that follow a busy log are hardly ever at the same position by chance, and they
/// can only be compared there. So the place is named in the read database, as the checkpoint of a
/// reader that does not exist, and while there is something to compare each worker looks there
/// before each transaction. It goes as far as the place and no further. Whoever is beyond it stops
/// where it is, and the place is moved there: after one transaction of every worker nobody moves
/// on any more, so that the place after that is the last.
#[derive(Debug)]
pub(super) struct Meeting<'a> {
    models: &'a dyn ReadModels,
    name: String,
    place: Checkpoint,
}

impl<'a> Meeting<'a> {
    /// None is called yet. What an earlier one may have left behind is replaced.
    pub(super) async fn new(
        models: &'a dyn ReadModels,
        projection: &str,
    ) -> Result<Self, ReadModelsError> {
        let name = name(projection);
        let place = models.load_checkpoint(&name).await?;
        Ok(Self { models, name, place })
    }

    /// Has the workers stop at `place`, or at the next they can.
    pub(super) async fn set(&mut self, place: Checkpoint) -> Result<(), ReadModelsError> {
        if place != self.place {
            self.models.save_checkpoint(&self.name, self.place, place).await?;
            self.place = place;
        }
        Ok(())
    }

    /// Lets the workers go on.
    pub(super) async fn end(&mut self) -> Result<(), ReadModelsError> {
        self.set(Checkpoint::START).await
    }
}

/// The name of the place. No application would take it for a reader of its own.
fn name(projection: &str) -> String {
    format!("annals:meeting:{projection}")
}

/// The projections of which two generations are to be compared, as far as this process knows: the
/// workers of all others need not ask where to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Meetings(Arc<Mutex<HashSet<String>>>);

impl Meetings {
    pub(super) fn expect(&self, projections: HashSet<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = projections;
    }

    fn is_expected(&self, projection: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(projection)
    }

    /// Where the workers of `projection` are to stop, if they are, by what is in the read database.
    pub(super) async fn place(
        &self,
        models: &dyn ReadModels,
        projection: &str,
    ) -> Result<Option<Checkpoint>, ReadModelsError> {
        if !self.is_expected(projection) {
            return Ok(None);
        }
        models.load_checkpoint(&name(projection)).await.map(Some)
    }
}

/// What a worker makes of the places it is told.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    /// Not to be waited at: it was there before the worker was, and may be of a log that has lost
    /// its end since; or it was waited at for long enough.
    ignored: Option<Checkpoint>,
    /// When it arrived.
    since: Option<Instant>,
}

impl Attendance {
    /// Where to stop, if this is the place that is named now.
    pub(super) fn place(&mut self, named: Option<Checkpoint>) -> Option<Checkpoint> {
        let named = named?;
        let ignored = *self.ignored.get_or_insert(named);
        let place = (named != Checkpoint::START && named != ignored).then_some(named);
        if place.is_none() {
            self.since = None;
        }
        place
    }

    /// It is at the place or beyond.
    pub(super) fn arrived(&mut self, place: Checkpoint) {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= MEETING_MAX {
            self.ignored = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_core::{EventId, Position};

    use super::*;

    fn checkpoint(position: u64) -> Checkpoint {
        let position = Position::new(position).unwrap();
        Checkpoint { position, event_id: Some(EventId::new()) }
    }

    #[test]
    fn place_that_was_there_before_the_worker_is_not_waited_at() {
        let mut attendance = Attendance::default();
        let (old, new) = (checkpoint(1), checkpoint(2));
        assert_eq!(attendance.place(Some(old)), None);
        assert_eq!(attendance.place(Some(Checkpoint::START)), None);
        assert_eq!(attendance.place(Some(new)), Some(new));
        assert_eq!(attendance.place(None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn worker_does_not_wait_for_ever_for_whoever_called_the_meeting() {
        let mut attendance = Attendance::default();
        let place = checkpoint(7);
        assert_eq!(attendance.place(Some(Checkpoint::START)), None);
        let begun = Instant::now();
        while attendance.place(Some(place)).is_some() {
            attendance.arrived(place);
            tokio::time::advance(MEETING_INTERVAL).await;
        }
        assert!(begun.elapsed() <= MEETING_MAX + 2 * MEETING_INTERVAL, "{:?}", begun.elapsed());
        let next = checkpoint(8);
        assert_eq!(attendance.place(Some(next)), Some(next), "the next one is another");
    }
}

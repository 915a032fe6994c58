//! Those who wait for a read model, in the order of what they wait for.

use std::collections::BTreeMap;

use annals_core::Position;
use tokio::sync::oneshot;

/// Those who wait, each for a position.
///
/// Whoever comes to know that a read model has moved wakes those whose position it has reached and
/// nobody else: at thousands of commands a second hundreds wait, and waking all of them for each
/// transaction would take the time that the next transaction needs.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, oneshot::Sender<()>>,
    entered: u64,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    position: Position,
    /// Tells those apart who wait for the same position.
    number: u64,
}

impl Queue {
    /// Takes a place. What is returned beside it ends when the position is reached.
    pub(super) fn enter(&mut self, position: Position) -> (Place, oneshot::Receiver<()>) {
        let (wake, woken) = oneshot::channel();
        self.entered += 1;
        let place = Place { position, number: self.entered };
        self.waiting.insert(place, wake);
        (place, woken)
    }

    /// Gives a place up, if it was not taken off.
    pub(super) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// Takes off those who wait for nothing beyond `position`. They wake when what is returned is
    /// dropped.
    pub(super) fn reached(&mut self, position: Position) -> BTreeMap<Place, oneshot::Sender<()>> {
        let mut reached = self.waiting.split_off(&Place { position, number: u64::MAX });
        std::mem::swap(&mut reached, &mut self.waiting);
        reached
    }

    /// Takes off everybody.
    pub(super) fn all(&mut self) -> BTreeMap<Place, oneshot::Sender<()>> {
        std::mem::take(&mut self.waiting)
    }
}

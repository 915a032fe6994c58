//! Where two generations wait for one another.

use std::collections::HashMap;
use std::sync::Arc;

use annals_core::Checkpoint;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Places in the log where the workers of a projection stop for a moment.
///
/// Two generations that follow a busy log are hardly ever at the same position by chance, and they
/// can only be compared there. So all workers of the projection in this process go as far as the
/// one that is furthest, and no further until the comparison has begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Meetings(Arc<watch::Sender<HashMap<String, Checkpoint>>>);

/// Workers stop for as long as this is there.
#[derive(Debug)]
pub(super) struct Meeting {
    all: Meetings,
    projection: String,
}

impl Meetings {
    /// Has the workers of `projection` stop where [`Meeting::set`] says.
    pub(super) fn call(&self, projection: &str) -> Meeting {
        Meeting { all: self.clone(), projection: projection.to_owned() }
    }

    /// Where the workers of `projection` are to stop, if they are.
    pub(super) fn place(&self, projection: &str) -> Option<Checkpoint> {
        self.0.borrow().get(projection).copied()
    }

    /// Waits until the place of `projection` is another one or none, at most until `until`.
    pub(super) async fn moved(&self, projection: &str, from: Checkpoint, until: Instant) {
        let mut places = self.0.subscribe();
        let is_elsewhere = |places: &HashMap<String, Checkpoint>| {
            places.get(projection).is_none_or(|place| *place != from)
        };
        let _ = timeout_at(until, places.wait_for(is_elsewhere)).await;
    }
}

impl Meeting {
    pub(super) fn set(&self, place: Checkpoint) {
        self.all.0.send_modify(|places| {
            places.insert(self.projection.clone(), place);
        });
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.all.0.send_modify(|places| {
            places.remove(&self.projection);
        });
    }
}

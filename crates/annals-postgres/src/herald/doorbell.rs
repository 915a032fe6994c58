//! When to ring for other processes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Shortest time between two rings. A busy writer then rings a hundred times a second, whatever
/// the number of its batches, and a reader elsewhere is at most this late.
const RING_PAUSE: Duration = Duration::from_millis(10);

/// Asks for a ring. A handle without a doorbell asks nobody.
#[derive(Debug, Clone)]
pub(crate) struct Bell(Option<Arc<Notify>>);

impl Bell {
    /// Rings soon; rings in between are one.
    pub(crate) fn ring(&self) {
        if let Some(asked) = &self.0 {
            asked.notify_one();
        }
    }
}

/// Makes few rings of many.
#[derive(Debug, Default)]
pub(super) struct Doorbell {
    asked: Arc<Notify>,
    is_asked: bool,
    last: Option<Instant>,
}

impl Doorbell {
    /// What asks this doorbell.
    pub(super) fn bell(&self) -> Bell {
        Bell(Some(Arc::clone(&self.asked)))
    }

    /// What asks nobody.
    pub(super) fn silent() -> Bell {
        Bell(None)
    }

    /// Waits until it is time for a ring, which is for everything that was asked for until then.
    ///
    /// May be dropped at any time: what was asked for is not forgotten.
    pub(super) async fn due(&mut self) {
        if !self.is_asked {
            self.asked.notified().await;
            self.is_asked = true;
        }
        if let Some(last) = self.last {
            sleep_until(last + RING_PAUSE).await;
        }
        let _ = self.asked.notified().now_or_never();
        self.is_asked = false;
        self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{interval, timeout};

    use super::*;

    /// Counts the rings of what `asking` asks for, and of nothing for a second after it.
    async fn rings(doorbell: &mut Doorbell, asking: impl Future<Output = ()>) -> Vec<Instant> {
        let mut rings = Vec::new();
        let ringing = async {
            loop {
                doorbell.due().await;
                rings.push(Instant::now());
            }
        };
        let all = async {
            asking.await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            () = all => {}
            () = ringing => {}
        }
        rings
    }

    #[tokio::test(start_paused = true)]
    async fn many_commits_are_few_rings_and_the_last_is_among_them() {
        let mut doorbell = Doorbell::default();
        let bell = doorbell.bell();
        let mut last_commit = Instant::now();
        let rings = rings(&mut doorbell, async {
            let mut commits = interval(Duration::from_millis(1));
            for _ in 0..1_000 {
                last_commit = commits.tick().await;
                bell.ring();
            }
        })
        .await;
        // At 0, 10, ... 990 ms, and for those after that.
        assert_eq!(rings.len(), 101, "{rings:?}");
        assert!(rings.windows(2).all(|pair| pair[1] - pair[0] >= RING_PAUSE), "{rings:?}");
        assert!(rings.last().is_some_and(|ring| *ring >= last_commit), "{rings:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn commits_of_one_moment_are_one_ring() {
        let mut doorbell = Doorbell::default();
        let bell = doorbell.bell();
        let rings = rings(&mut doorbell, async { (0..1_000).for_each(|_| bell.ring()) }).await;
        assert_eq!(rings.len(), 1, "{rings:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ring_that_was_asked_for_is_not_forgotten_when_something_else_comes_first() {
        let mut doorbell = Doorbell::default();
        let bell = doorbell.bell();
        bell.ring();
        doorbell.due().await;
        bell.ring();
        let early = timeout(RING_PAUSE / 2, doorbell.due()).await;
        assert!(early.is_err(), "the last ring is too new");
        assert!(timeout(RING_PAUSE, doorbell.due()).await.is_ok());
    }
}

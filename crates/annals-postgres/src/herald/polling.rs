//! When to look at the head although nobody rang.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// First pause between looks at the head while somebody waits for news.
///
/// Others ring when there are any, so this is only for the ring that got lost.
const POLL_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause: what a lost ring costs at most.
const POLL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Looks ever more seldom while nothing happens.
#[derive(Debug)]
pub(super) struct Polling {
    next: Instant,
    pause: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { next: Instant::now(), pause: POLL_PAUSE }
    }
}

impl Polling {
    /// Waits until it is time to look.
    pub(super) async fn due(&self) {
        sleep_until(self.next).await;
    }

    /// It was looked, whatever for.
    pub(super) fn looked(&mut self, is_new: bool) {
        if is_new {
            self.pause = POLL_PAUSE;
        }
        self.next = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(POLL_PAUSE_MAX);
    }

    /// Something may have been missed: it is time to look.
    pub(super) fn hurry(&mut self) {
        self.next = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses before the next looks, each of which finds nothing.
    async fn pauses(polling: &mut Polling, looks: usize) -> Vec<u128> {
        let mut pauses = Vec::new();
        for _ in 0..looks {
            let before = Instant::now();
            polling.due().await;
            pauses.push(before.elapsed().as_millis());
            polling.looked(false);
        }
        pauses
    }

    #[tokio::test(start_paused = true)]
    async fn looks_come_ever_more_seldom_until_something_is_new() {
        let mut polling = Polling::default();
        assert_eq!(pauses(&mut polling, 7).await, [0, 100, 200, 400, 800, 1_000, 1_000]);
        polling.looked(true);
        assert_eq!(pauses(&mut polling, 3).await, [100, 200, 400]);
    }

    #[tokio::test(start_paused = true)]
    async fn lost_connection_is_looked_after_at_once_and_then_with_patience() {
        let mut polling = Polling::default();
        let _ = pauses(&mut polling, 6).await;
        polling.hurry();
        assert_eq!(pauses(&mut polling, 3).await, [0, 1_000, 1_000]);
    }
}

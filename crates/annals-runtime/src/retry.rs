//! How often and how fast to try again.

use std::time::Duration;

use rand::RngExt;

/// Bounds for trying again after a conflict or an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Most attempts, the first included.
    pub attempts_max: u32,
    /// Upper end of the pause after the first attempt; it doubles with each further one. The
    /// pause is drawn evenly from zero to that end, so that racers spread out.
    pub pause_first: Duration,
    /// The pause never grows beyond this.
    pub pause_max: Duration,
}

impl Default for Retry {
    /// 16 attempts, pauses from 1 ms to 200 ms: gives up after about 2 s.
    ///
    /// A conflict across processes is over as soon as the winner's flush is, so the first pauses
    /// are about as long as a flush; the last ones outlast a short stall.
    fn default() -> Self {
        Self {
            attempts_max: 16,
            pause_first: Duration::from_millis(1),
            pause_max: Duration::from_millis(200),
        }
    }
}

impl Retry {
    /// Waits before the attempt that follows attempt number `done`, if there may be one.
    pub(crate) async fn pause_after(&self, done: u32) -> bool {
        if done >= self.attempts_max {
            return false;
        }
        tokio::time::sleep(self.pause(done)).await;
        true
    }

    fn pause(&self, done: u32) -> Duration {
        let factor = 2_u32.saturating_pow(done.saturating_sub(1));
        let end = self.pause_first.saturating_mul(factor).min(self.pause_max);
        end.mul_f64(rand::rng().random_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_never_beyond() {
        let retry = Retry::default();
        for done in 1..=u32::from(u16::MAX) {
            assert!(retry.pause(done) <= retry.pause_max);
        }
        assert!(retry.pause(1) <= retry.pause_first);
    }
}

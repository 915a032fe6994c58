//! How far a long run has come.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Runs that end sooner say nothing on the way.
const QUIET: Duration = Duration::from_secs(20);

/// Says from time to time how far it is, and how long it will take.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    said: Instant,
    /// In one line where somebody watches, in a new one and less often where it is written down.
    is_watched: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, said: now, is_watched: std::io::stderr().is_terminal() }
    }

    pub(super) fn say(&mut self, events: u64, of: u64) {
        let pause = Duration::from_secs(if self.is_watched { 1 } else { 30 });
        if self.began.elapsed() < QUIET || self.said.elapsed() < pause || events == 0 {
            return;
        }
        self.said = Instant::now();
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = events as f64 / seconds;
        let left = of.saturating_sub(events) as f64 / rate;
        let (before, after) = if self.is_watched { ("\r", "   ") } else { ("", "\n") };
        let percent = events * 100 / of.max(1);
        let _ = write!(
            std::io::stderr(),
            "{before}{events} of {of} events, {percent}%, {rate:.0} a second, {left:.0} s \
             left{after}"
        );
    }
}

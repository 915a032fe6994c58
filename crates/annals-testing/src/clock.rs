//! A clock that stands still until it is told otherwise.

use std::sync::{Mutex, PoisonError};

use annals_core::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// A [`Clock`] that a test moves by hand, forwards and backwards.
///
/// ```
/// use annals_core::Clock;
/// use annals_testing::ManualClock;
/// use chrono::{DateTime, TimeDelta};
///
/// let clock = ManualClock::new(DateTime::UNIX_EPOCH);
/// clock.advance(TimeDelta::days(1));
/// assert_eq!(clock.now(), DateTime::UNIX_EPOCH + TimeDelta::days(1));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Shows `now` from here on; it may be earlier than before.
    pub fn set(&self, now: DateTime<Utc>) {
        self.change(|time| *time = now);
    }

    /// Goes forwards by `span`, backwards if it is negative.
    ///
    /// # Panics
    ///
    /// Beyond the years that chrono can hold.
    pub fn advance(&self, span: TimeDelta) {
        self.change(|time| *time += span);
    }

    fn change<T>(&self, change: impl FnOnce(&mut DateTime<Utc>) -> T) -> T {
        // A test that panicked elsewhere leaves a time that is as good as any.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for ManualClock {
    /// Midnight at the beginning of 2024, UTC: a year with a leap day.
    fn default() -> Self {
        Self::new(DateTime::UNIX_EPOCH + TimeDelta::days(19_723))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.change(|time| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_moves_only_by_hand() {
        let clock = ManualClock::default();
        assert_eq!(clock.now().to_rfc3339(), "2024-01-01T00:00:00+00:00");
        assert_eq!(clock.now(), clock.now());
        clock.advance(TimeDelta::seconds(-5));
        assert_eq!(clock.now().to_rfc3339(), "2023-12-31T23:59:55+00:00");
    }
}

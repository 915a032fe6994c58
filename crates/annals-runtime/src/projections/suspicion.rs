//! Finding the event that a batch fails for.

use annals_core::Position;

/// How many events the next transaction may hold, so that of a batch that failed, the event that
/// is to blame ends up alone.
///
/// A batch that fails is cut in half, and whichever half fails again, until it is a single event;
/// behind it the batches grow again. One bad event among n costs about 2 log n transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suspicion {
    events_max: usize,
    /// How many of the next events have one among them that fails, as far as is known.
    suspects: usize,
    /// Up to where there may be more of them.
    until: Position,
    /// The single event that has failed last, and how often.
    event: Position,
    attempts: u32,
}

impl Suspicion {
    pub(super) fn none() -> Self {
        Self {
            events_max: usize::MAX,
            suspects: 0,
            until: Position::ZERO,
            event: Position::ZERO,
            attempts: 0,
        }
    }

    /// How many events the next transaction may hold.
    pub(super) fn events_max(&self) -> usize {
        self.events_max
    }

    /// A batch of `events` events, the last of them at `last`, failed. Gives how often the single
    /// event has failed, if it was one.
    pub(super) fn failed(&mut self, events: usize, last: Position) -> Option<u32> {
        self.until = self.until.max(last);
        self.suspects = events.max(1);
        self.events_max = (events / 2).max(1);
        if events > 1 {
            self.attempts = 0;
            return None;
        }
        // With other partitions another event may have come first.
        if self.event != last {
            (self.event, self.attempts) = (last, 0);
        }
        self.attempts += 1;
        Some(self.attempts)
    }

    /// The event behind the first `before` of a batch failed by itself.
    pub(super) fn failed_behind(&mut self, before: usize, at: Position) -> Option<u32> {
        if before == 0 {
            return self.failed(1, at);
        }
        self.until = self.until.max(at);
        (self.suspects, self.events_max, self.attempts) = (before + 1, before, 0);
        None
    }

    /// A batch of `events` events up to `to` succeeded, or its single event was parked.
    pub(super) fn passed(&mut self, events: usize, to: Position) {
        self.attempts = 0;
        self.suspects = self.suspects.saturating_sub(events);
        self.events_max = match self.suspects {
            _ if to >= self.until => usize::MAX,
            0 => self.events_max.saturating_mul(2),
            suspects => suspects.div_ceil(2),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Processes positions 1 to `count`, of which `bad` fail alone and in company. Gives the number
    /// of transactions and what was parked.
    fn process(count: u64, bad: &[u64]) -> (u32, Vec<u64>) {
        let (mut suspicion, mut done, mut transactions, mut parked) =
            (Suspicion::none(), 0, 0, Vec::new());
        while done < count {
            transactions += 1;
            let events_max = u64::try_from(suspicion.events_max()).unwrap();
            let to = count.min(done.saturating_add(events_max));
            let end = Position::new(to).unwrap();
            let fails = (done + 1..=to).any(|event| bad.contains(&event));
            let events = usize::try_from(to - done).unwrap();
            if fails && suspicion.failed(events, end) != Some(3) {
                continue;
            }
            if fails {
                parked.push(to);
            }
            suspicion.passed(events, end);
            done = to;
        }
        (transactions, parked)
    }

    #[test]
    fn bad_event_is_found_wherever_it_is() {
        for bad in [1, 2, 4_999, 5_000, 9_999, 10_000] {
            let (transactions, parked) = process(10_000, &[bad]);
            assert_eq!(parked, [bad]);
            assert!(transactions <= 2 * 14 + 3, "{transactions} for {bad}");
        }
    }

    #[test]
    fn attempts_of_one_event_do_not_count_for_another() {
        let mut suspicion = Suspicion::none();
        let [one, other] = [5, 3].map(|position| Position::new(position).unwrap());
        assert_eq!([1, 2, 3].map(|_| suspicion.failed(1, one)), [Some(1), Some(2), Some(3)]);
        assert_eq!(suspicion.failed(1, other), Some(1));
    }

    #[test]
    fn all_bad_events_are_found_and_no_other() {
        let bad = [7, 8, 9, 500, 777, 1_000];
        assert_eq!(process(1_000, &bad).1, bad);
        assert_eq!(process(1_000, &[]), (1, vec![]));
    }
}

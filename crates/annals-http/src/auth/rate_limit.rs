//! How many requests of one principal are answered.
//!
//! A token bucket for each principal, kept as one number (the "generic cell rate algorithm"): the
//! moment at which the bucket will be full again. One that is full is the same as one that does not
//! exist, so forgetting it costs nothing.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use quick_cache::sync::Cache;

use super::principal::Principal;

/// Most principals whose requests are counted at the same time.
///
/// Those beyond push out the ones that were seen least, who then begin with a full bucket. That
/// bounds the memory, to some ten megabytes, and whoever can show so many identities has no need
/// to be forgotten.
pub const COUNTED_PRINCIPALS_MAX: usize = 100_000;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How many requests of one principal are answered.
///
/// Sent to clients in `RateLimit-Policy` and `RateLimit`, as the IETF draft "RateLimit header
/// fields for HTTP" has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many a second, on and on. More than 1,000,000 is taken for that.
    pub per_second: NonZeroU32,
    /// How many at once, after a pause.
    pub burst: NonZeroU32,
}

/// Highest rate that is told apart: one a microsecond.
const PER_SECOND_MAX: u32 = 1_000_000;

impl RateLimit {
    /// So many a second, and twice as many at once.
    #[must_use]
    pub fn per_second(per_second: NonZeroU32) -> Self {
        Self { per_second, burst: per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)) }
    }

    /// What one request takes, in nanoseconds of filling.
    fn cost(self) -> u64 {
        NANOS_PER_SECOND / u64::from(self.per_second.get().min(PER_SECOND_MAX))
    }

    /// What is in a full bucket, in nanoseconds of filling.
    fn capacity(self) -> u64 {
        self.cost().saturating_mul(u64::from(self.burst.get()))
    }

    /// Takes one request out of the bucket that is full again at `full_at`.
    fn take(self, full_at: u64, now: u64) -> Result<u64, u64> {
        let after = full_at.max(now).saturating_add(self.cost());
        let taken = after - now;
        if taken > self.capacity() { Err(taken - self.capacity()) } else { Ok(after) }
    }
}

/// What is left for a principal after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remaining {
    limit: RateLimit,
    requests: u64,
    /// Until the bucket is full.
    full_after_seconds: u64,
}

/// A principal has nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    limit: RateLimit,
    wait_nanos: u64,
}

impl Exceeded {
    /// What was exceeded.
    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// When the next request will be answered, in whole seconds.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u16 {
        u16::try_from(self.wait_nanos.div_ceil(NANOS_PER_SECOND)).unwrap_or(u16::MAX)
    }

    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        tell(headers, self.limit, 0, u64::from(self.retry_after_seconds()));
    }
}

impl Remaining {
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        tell(headers, self.limit, self.requests, self.full_after_seconds);
    }
}

fn tell(headers: &mut HeaderMap, limit: RateLimit, requests: u64, seconds: u64) {
    let (quota, window) = (limit.burst, limit.capacity().div_ceil(NANOS_PER_SECOND));
    let policy = format!("\"principal\";q={quota};w={window}");
    let rest = format!("\"principal\";r={requests};t={seconds}");
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", rest)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The buckets of all principals.
pub(crate) struct Buckets {
    limit: RateLimit,
    start: Instant,
    hasher: RandomState,
    /// Nanoseconds since the start at which the bucket is full, by the hash of the principal.
    full_at: Cache<u64, Arc<AtomicU64>>,
}

impl Buckets {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let full_at = Cache::new(COUNTED_PRINCIPALS_MAX);
        Self { limit, start: Instant::now(), hasher: RandomState::new(), full_at }
    }

    /// Counts a request. Whoever is on this machine without having been asked is not counted.
    pub(crate) fn take(&self, principal: &Principal) -> Result<Option<Remaining>, Exceeded> {
        let (Some(subject), Some(proof)) = (principal.subject(), principal.proof()) else {
            return Ok(None);
        };
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.take_at(self.hasher.hash_one((subject, proof)), now).map(Some)
    }

    fn take_at(&self, principal: u64, now: u64) -> Result<Remaining, Exceeded> {
        let Ok(full_at) = self
            .full_at
            .get_or_insert_with::<_, std::convert::Infallible>(&principal, || Ok(Arc::default()));
        let limit = self.limit;
        let mut wait_nanos = 0;
        let taken = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            limit.take(full_at, now).map_err(|wait| wait_nanos = wait).ok()
        });
        let Ok(before) = taken else { return Err(Exceeded { limit, wait_nanos }) };
        let used = limit.take(before, now).unwrap_or(now) - now;
        Ok(Remaining {
            limit,
            requests: (limit.capacity() - used) / limit.cost(),
            full_after_seconds: used.div_ceil(NANOS_PER_SECOND),
        })
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Buckets");
        debug.field("limit", &self.limit).field("principals", &self.full_at.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(per_second: u32, burst: u32) -> RateLimit {
        let number = |number| NonZeroU32::new(number).unwrap();
        RateLimit { per_second: number(per_second), burst: number(burst) }
    }

    #[test]
    fn a_burst_is_answered_and_then_the_rate() {
        let buckets = Buckets::new(limit(2, 3));
        let left: Vec<_> = (0..3).map(|_| buckets.take_at(1, 0).unwrap().requests).collect();
        assert_eq!(left, [2, 1, 0]);
        let exceeded = buckets.take_at(1, 0).unwrap_err();
        assert_eq!((exceeded.wait_nanos, exceeded.retry_after_seconds()), (500_000_000, 1));
        assert!(buckets.take_at(1, 499_999_999).is_err());
        assert_eq!(buckets.take_at(1, 500_000_000).unwrap().requests, 0);
        assert_eq!(buckets.take_at(2, 0).unwrap().requests, 2, "others have a bucket of their own");
    }

    #[test]
    fn clients_are_told_what_is_left() {
        let buckets = Buckets::new(limit(2, 4));
        let mut headers = HeaderMap::new();
        buckets.take_at(1, 0).unwrap().tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"principal\";q=4;w=2");
        assert_eq!(headers["ratelimit"], "\"principal\";r=3;t=1");
    }

    #[test]
    fn more_principals_than_are_counted_take_no_more_memory() {
        let buckets = Buckets::new(limit(1, 1));
        for principal in 0..2 * COUNTED_PRINCIPALS_MAX as u64 {
            buckets.take_at(principal, 0).unwrap();
        }
        assert!(buckets.full_at.len() <= COUNTED_PRINCIPALS_MAX);
    }

    proptest! {
        /// What a token bucket promises, for any times of arrival.
        #[test]
        fn no_window_has_more_than_the_burst_and_the_rate(
            per_second in 1_u32..2_000_000,
            burst in 1_u32..50,
            pauses in prop::collection::vec(0_u64..2_000_000_000, 1..100),
        ) {
            let limit = limit(per_second, burst);
            let (mut full_at, mut now, mut answered) = (0, 0, Vec::new());
            for pause in pauses {
                now += pause;
                if let Ok(after) = limit.take(full_at, now) {
                    full_at = after;
                    answered.push(now);
                }
            }
            for (first, start) in answered.iter().enumerate() {
                for (last, end) in answered.iter().enumerate().skip(first) {
                    let allowed = u64::from(burst) + (end - start) / limit.cost();
                    prop_assert!(((last - first) as u64) < allowed);
                }
            }
        }
    }
}

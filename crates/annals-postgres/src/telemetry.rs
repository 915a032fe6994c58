//! What the sequencer and the pools are called in what they tell.

use annals_core::telemetry::{Pool, Stopwatch, attribute, metric};

use crate::connect::Purpose;

/// The database, as the conventions name it.
pub(crate) const SYSTEM: &str = "postgresql";

/// The pool of sessions for this purpose.
pub(crate) fn pool(purpose: Purpose) -> Pool {
    let name = match purpose {
        Purpose::Primary => "primary",
        Purpose::Replica => "replica",
    };
    Pool { system: SYSTEM, name }
}

/// A commit that was waited for from `begun` on is answered.
pub(crate) fn committed(begun: &Stopwatch, answered: &Stopwatch) {
    begun.stop_at(answered, &metric::FLUSH_DURATION, &[(attribute::DB_SYSTEM, SYSTEM)]);
}

//! What the writer and the readers are called in what they tell.

use annals_core::telemetry::{Pool, Stopwatch, attribute, metric};

/// The database, as the conventions name it.
pub(crate) const SYSTEM: &str = "sqlite";

/// The threads that read the log, each with a connection.
pub(crate) const READERS: Pool = Pool { system: SYSTEM, name: "log_readers" };

/// Notes how long the commit of a batch took.
pub(crate) fn flushed(watch: &Stopwatch) {
    watch.stop(&metric::FLUSH_DURATION, &[(attribute::DB_SYSTEM, SYSTEM)]);
}

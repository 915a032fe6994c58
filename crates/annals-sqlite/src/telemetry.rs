//! What the writer and the readers are called in what they tell.

use std::sync::{Mutex, PoisonError};

use annals_core::telemetry::{Pool, Stopwatch, attribute, is_measured, metric};

/// The database, as the conventions name it.
pub(crate) const SYSTEM: &str = "sqlite";

/// The threads that read the log, each with a connection.
pub(crate) const READERS: Pool = Pool { system: SYSTEM, name: "log_readers" };

/// The threads that answer queries of read models.
pub(crate) const QUERIES: Pool = Pool { system: SYSTEM, name: "queries" };

/// The thread that looks up in read models what their runner asks for.
pub(crate) const LOOKUPS: Pool = Pool { system: SYSTEM, name: "lookups" };

/// How many threads of a pool, each of which has a connection, have something to do.
#[derive(Debug)]
pub(crate) struct Usage {
    pool: Pool,
    used: Mutex<usize>,
    all: usize,
}

impl Usage {
    pub(crate) fn of(pool: Pool, threads: usize) -> Self {
        Self { pool, used: Mutex::new(0), all: threads }
    }

    /// A thread has something to do for as long as `work` takes.
    pub(crate) fn during(&self, work: impl FnOnce()) {
        self.change(|used| used + 1);
        work();
        self.change(|used| used - 1);
    }

    /// One after the other, so that what is told last is how it is.
    fn change(&self, change: impl FnOnce(usize) -> usize) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = change(*used);
        if is_measured() {
            self.pool.counted(*used, self.all.saturating_sub(*used));
        }
    }
}

/// Notes how long the commit of a batch took.
pub(crate) fn flushed(watch: &Stopwatch) {
    watch.stop(&metric::FLUSH_DURATION, &[(attribute::DB_SYSTEM, SYSTEM)]);
}

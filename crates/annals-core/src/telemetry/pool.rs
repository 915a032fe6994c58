//! What pools of connections tell about themselves.

use super::{Stopwatch, attribute, metric};

/// A pool of connections, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The database, as the conventions call it.
    pub system: &'static str,
    /// Its name, as in the values of [`DB_POOL`](attribute::DB_POOL).
    pub name: &'static str,
}

impl Pool {
    /// A connection was got, after as long as `asked` has measured.
    pub fn lent(self, asked: &Stopwatch) {
        let labels = [(attribute::DB_SYSTEM, self.system), (attribute::DB_POOL, self.name)];
        asked.stop(&metric::POOL_WAIT, &labels);
    }

    /// So many of its connections are in use, and so many idle.
    pub fn counted(self, used: usize, idle: usize) {
        for (state, count) in [("used", used), ("idle", idle)] {
            let labels = [
                (attribute::DB_SYSTEM, self.system),
                (attribute::DB_POOL, self.name),
                (attribute::DB_CONNECTION_STATE, state),
            ];
            metric::POOL_CONNECTIONS.count(count as u64, &labels);
        }
    }
}

//! Waiting until a read model shows what was written.

mod error;
mod queue;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use annals_core::{ConsistencyToken, Generations, Position, Seen};
use tokio::time::{Instant, sleep_until};

pub use error::WaitError;

use watched::{POLL_FIRST, POLL_MAX, Watched};

/// What waiting without a bound is bounded by: nobody waits for thirty years.
const EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Knows how far read models are, and waits for them.
///
/// It asks the read database: at once when a projection that runs in this process has moved, for
/// those that run elsewhere with pauses of 2 to 50 ms; one question at a time for each projection
/// however many wait, and none if nobody does. Cloning shares it; one for each read database of a
/// process is enough.
#[derive(Debug, Clone)]
pub struct Visibility {
    models: Arc<dyn Generations>,
    watched: Arc<Mutex<HashMap<String, Arc<Watched>>>>,
}

impl Visibility {
    /// How far the read models of `models` are.
    pub fn new(models: Arc<dyn Generations>) -> Self {
        Self { models, watched: Arc::default() }
    }

    /// Waits until the generation of `projection` that serves takes everything into account that
    /// `token` asks for, at most as long as `within`. Returns how far it is then. Without any time,
    /// the read database is asked once, and its answer is all that is waited for.
    ///
    /// That holds for events the projection is not interested in as well: its checkpoint moves past
    /// them. Whoever reads afterwards sees at least as much, also if another generation serves by
    /// then: none takes its place that is behind. From a replica of the read database, read with
    /// [`read_at_least`](Visibility::read_at_least).
    ///
    /// # Errors
    ///
    /// [`WaitError`], whose variants say what to do next.
    ///
    /// # Cancellation
    ///
    /// Can be dropped at any time.
    pub async fn wait_for(
        &self,
        projection: &str,
        token: ConsistencyToken,
        within: Duration,
    ) -> Result<Position, WaitError> {
        self.wait_until(projection, token, after(within)).await
    }

    /// Reads by `read` until what it has seen is as new as `token` asks for, waiting in between, at
    /// most as long as `within` (and the last reading).
    ///
    /// The answer itself says how new it is, so this is exact, whichever generation it came from
    /// and whichever replica of the database.
    ///
    /// # Errors
    ///
    /// What `read` returns, and [`WaitError`].
    ///
    /// # Cancellation
    ///
    /// As that of `read`.
    pub async fn read_at_least<T, E, F>(
        &self,
        token: ConsistencyToken,
        within: Duration,
        mut read: impl FnMut() -> F,
    ) -> Result<Seen<T>, E>
    where
        F: Future<Output = Result<Seen<T>, E>>,
        E: From<WaitError>,
    {
        let deadline = after(within);
        let mut pause = Duration::ZERO;
        loop {
            let seen = read().await?;
            let projection = &seen.generation.projection;
            let reached = ConsistencyToken { log_id: seen.log_id, position: seen.position };
            match watched::verdict(projection, reached, token) {
                Some(verdict) => return verdict.map(|_| seen).map_err(E::from),
                None if Instant::now() >= deadline => {
                    return Err(WaitError::too_late(projection, token, seen.position).into());
                }
                None => {}
            }
            self.wait_until(projection, token, deadline).await?;
            // It is that far, but the next answer may still come from somewhere that is not.
            sleep_until(deadline.min(Instant::now() + pause)).await;
            pause = (pause * 2).clamp(POLL_FIRST, POLL_MAX);
        }
    }

    /// Has whoever waits for `projection` ask at once. For whoever runs it.
    ///
    /// Where the worker is that has moved is of no use here: its generation may have ceased to
    /// serve without its knowing, and the one that does may not be as far.
    pub(crate) fn moved(&self, projection: &str) {
        self.watched(projection).moved();
    }

    pub(crate) async fn wait_until(
        &self,
        projection: &str,
        token: ConsistencyToken,
        deadline: Instant,
    ) -> Result<Position, WaitError> {
        let watched = self.watched(projection);
        let waited = watched.wait(&*self.models, projection, token, deadline).await;
        drop(watched);
        if waited.is_err() {
            self.forget_unknown();
        }
        waited
    }

    fn watched(&self, projection: &str) -> Arc<Watched> {
        let mut all = self.lock();
        if let Some(watched) = all.get(projection) {
            return Arc::clone(watched);
        }
        Arc::clone(all.entry(projection.to_owned()).or_default())
    }

    /// Names of projections may come from outside; those that nobody knows must not pile up.
    fn forget_unknown(&self) {
        self.lock().retain(|_, watched| Arc::strong_count(watched) > 1 || watched.is_known());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Watched>>> {
        self.watched.lock().expect("no code panics while it holds the names")
    }
}

/// The moment that is `within` from now.
pub(crate) fn after(within: Duration) -> Instant {
    Instant::now() + within.min(EVER)
}

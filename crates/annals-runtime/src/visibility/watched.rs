//! How far one projection is, and those who wait for it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use annals_core::{ConsistencyToken, Generations, Position, ReadModelsError, Serving};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::error::WaitError;
use super::queue::{Place, Queue};

/// Pause before the read database is asked.
///
/// A projection in this process has usually moved before it is over, and one elsewhere takes about
/// as long for its transaction.
pub(super) const POLL_FIRST: Duration = Duration::from_millis(2);

/// Longest pause: it doubles while nothing happens and nobody comes to wait.
///
/// What is late already is this much later then, and 20 questions a second are nothing to a
/// database.
pub(super) const POLL_MAX: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Watched {
    state: Mutex<State>,
    /// The turn to ask the read database: whoever waits longest asks for all.
    turn: tokio::sync::Mutex<()>,
    /// Somebody has come to wait.
    arrived: Notify,
    /// A generation has moved in this process.
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How far the generation is that serves.
    reached: Option<ConsistencyToken>,
    /// Why the last question was not answered with that.
    trouble: Option<Trouble>,
    /// Those who wait for more than what is reached.
    queue: Queue,
}

/// Somebody in the queue, until dropped.
struct Waiter<'a> {
    watched: &'a Watched,
    place: Place,
    woken: oneshot::Receiver<()>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.watched.lock().queue.leave(self.place);
    }
}

#[derive(Debug)]
enum Trouble {
    NotServing,
    Failed(Arc<ReadModelsError>),
}

/// What a read model that has `reached` so far means to somebody who asks for `asked`; nothing as
/// long as it may get there.
pub(super) fn verdict(
    projection: &str,
    reached: ConsistencyToken,
    asked: ConsistencyToken,
) -> Option<Result<Position, WaitError>> {
    if reached.log_id != asked.log_id {
        return Some(Err(WaitError::OtherLog {
            projection: projection.to_owned(),
            asked: asked.log_id,
            built_from: reached.log_id,
        }));
    }
    (reached.position >= asked.position).then_some(Ok(reached.position))
}

impl Watched {
    pub(super) fn is_known(&self) -> bool {
        self.lock().reached.is_some()
    }

    /// Has the next question be asked at once.
    pub(super) fn moved(&self) {
        self.moved.notify_one();
    }

    /// Takes note of how far the generation is that serves. Old news change nothing.
    fn publish(&self, reached: ConsistencyToken) {
        let mut state = self.lock();
        state.trouble = None;
        let known = state.reached.filter(|known| known.log_id == reached.log_id);
        if known.is_some_and(|known| known.position >= reached.position) {
            return;
        }
        state.reached = Some(reached);
        let woken = match known {
            Some(_) => state.queue.reached(reached.position),
            // Of another log than those think who wait, or nobody knew of which.
            None => state.queue.all(),
        };
        drop(state);
        drop(woken);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the state")
    }

    /// The verdict by what is known, or a place in the queue.
    fn enter(
        &self,
        projection: &str,
        token: ConsistencyToken,
    ) -> Result<Result<Position, WaitError>, Waiter<'_>> {
        let mut state = self.lock();
        match state.reached.and_then(|reached| verdict(projection, reached, token)) {
            Some(verdict) => Ok(verdict),
            None => {
                let (place, woken) = state.queue.enter(token.position);
                drop(state);
                Err(Waiter { watched: self, place, woken })
            }
        }
    }

    /// Waits until what is known decides.
    async fn decided(
        &self,
        projection: &str,
        token: ConsistencyToken,
    ) -> Result<Position, WaitError> {
        loop {
            match self.enter(projection, token) {
                Ok(verdict) => return verdict,
                // An end without a word is a word: the sender was dropped when it was taken off.
                Err(mut waiter) => drop((&mut waiter.woken).await),
            }
        }
    }

    pub(super) async fn wait(
        &self,
        models: &dyn Generations,
        projection: &str,
        token: ConsistencyToken,
        deadline: Instant,
    ) -> Result<Position, WaitError> {
        if let Ok(verdict) = self.enter(projection, token) {
            return verdict;
        }
        if Instant::now() >= deadline {
            // There is no time to take turns.
            self.take(models.serving(projection).await);
            let verdict = self.enter(projection, token).ok();
            return verdict.unwrap_or_else(|| Err(self.too_late(projection, token)));
        }
        self.arrived.notify_one();
        tokio::select! {
            biased;
            verdict = self.decided(projection, token) => verdict,
            never = self.poll(models, projection) => match never {},
            () = sleep_until(deadline) => Err(self.too_late(projection, token)),
        }
    }

    /// Asks the read database for all who wait, once it is this one's turn.
    async fn poll(&self, models: &dyn Generations, projection: &str) -> Infallible {
        let _turn = self.turn.lock().await;
        let mut pause = POLL_FIRST;
        if self.is_known() {
            self.pause(&mut pause).await;
        }
        loop {
            let answer = models.serving(projection).await;
            self.take(answer);
            self.pause(&mut pause).await;
        }
    }

    /// Waits before the next question; not for long if somebody has come who has not waited yet,
    /// and no longer than until there may be news.
    async fn pause(&self, pause: &mut Duration) {
        let since = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = self.moved.notified() => break,
                () = sleep_until(since + *pause) => break,
                () = self.arrived.notified() => *pause = POLL_FIRST,
            }
        }
        *pause = (*pause * 2).min(POLL_MAX);
    }

    fn take(&self, answer: Result<Option<Serving>, ReadModelsError>) {
        let trouble = match answer {
            Ok(Some(Serving { log_id, position, .. })) => {
                return self.publish(ConsistencyToken { log_id, position });
            }
            Ok(None) => Trouble::NotServing,
            Err(error) => Trouble::Failed(Arc::new(error)),
        };
        // Nobody waits for trouble; it is told to those whose time is over.
        self.lock().trouble = Some(trouble);
    }

    fn too_late(&self, projection: &str, token: ConsistencyToken) -> WaitError {
        let state = self.lock();
        let failed = |source| WaitError::ReadModels { projection: projection.to_owned(), source };
        match (&state.trouble, state.reached) {
            (Some(Trouble::Failed(error)), _) => failed(Arc::clone(error)),
            (Some(Trouble::NotServing), _) => {
                WaitError::NotServing { projection: projection.to_owned() }
            }
            (None, Some(reached)) => WaitError::too_late(projection, token, reached.position),
            (None, None) => {
                failed(Arc::new(ReadModelsError::unavailable("it has not answered in time")))
            }
        }
    }
}

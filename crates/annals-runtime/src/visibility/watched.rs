//! How far one projection is, and those who wait for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use annals_core::{ConsistencyToken, Generations, Position, ReadModelsError, Serving};
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::error::WaitError;

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
    state: watch::Sender<State>,
    /// The turn to ask the read database: whoever waits longest asks for all.
    turn: Mutex<()>,
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
        self.state.borrow().reached.is_some()
    }

    /// Has the next question be asked at once.
    pub(super) fn moved(&self) {
        self.moved.notify_one();
    }

    /// Takes note of how far the generation is that serves. Old news change nothing.
    fn publish(&self, reached: ConsistencyToken) {
        self.state.send_if_modified(|state| {
            state.trouble = None;
            let is_old = state.reached.is_some_and(|known| {
                known.log_id == reached.log_id && known.position >= reached.position
            });
            if !is_old {
                state.reached = Some(reached);
            }
            !is_old
        });
    }

    pub(super) async fn wait(
        &self,
        models: &dyn Generations,
        projection: &str,
        token: ConsistencyToken,
        deadline: Instant,
    ) -> Result<Position, WaitError> {
        let verdict = |state: &State| verdict(projection, state.reached?, token);
        let mut news = self.state.subscribe();
        if let Some(verdict) = verdict(&news.borrow_and_update()) {
            return verdict;
        }
        if Instant::now() >= deadline {
            // There is no time to take turns.
            self.take(models.serving(projection).await);
            let verdict = verdict(&self.state.borrow());
            return verdict.unwrap_or_else(|| Err(self.too_late(projection, token)));
        }
        self.arrived.notify_one();
        let decided = async {
            let state = news.wait_for(|state| verdict(state).is_some()).await;
            verdict(&state.expect("the sender is borrowed")).expect("it was waited for")
        };
        tokio::select! {
            biased;
            verdict = decided => verdict,
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
        self.state.send_if_modified(|state| {
            state.trouble = Some(trouble);
            false
        });
    }

    fn too_late(&self, projection: &str, token: ConsistencyToken) -> WaitError {
        let state = self.state.borrow();
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

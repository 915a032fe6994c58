//! Making sure that somebody keeps the read models up to date while one waits for them.

use std::pin::pin;
use std::time::Duration;

use annals::{
    ConsistencyToken, Generations, Position, ProjectionState, ProjectionStatus, Serving,
    StatusError, WaitError,
};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{QUERIED, ReadModels, on_either};

/// How long a read model may stand still before waiting for it is given up.
///
/// Longer than it takes until the partitions of a process that was killed are taken over.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a single read model may be without a worker while others have some.
///
/// A process that keeps them up to date begins anew with one that is switched to, within a second.
/// To take partitions from it meanwhile would only delay that.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(3);

/// Pause between two looks at who works, and at how far it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The read models were not brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatchUpError {
    /// One does not get on. Look at its status.
    #[error("{projection} does not get on at position {reached}: {reason}")]
    StandsStill {
        /// Which one.
        projection: String,
        /// Where it stands.
        reached: Position,
        /// What its worker stumbled over, or that nobody knows.
        reason: String,
    },
    /// It cannot be waited for.
    #[error("the read models cannot be waited for")]
    Wait(#[from] WaitError),
    /// It cannot be asked how they are getting on.
    #[error("it cannot be found out how the read models are getting on")]
    Status(#[from] StatusError),
}

impl ReadModels {
    /// Does `work`, which needs the read models to follow the log. If no other process keeps them
    /// up to date, this one does for as long as it takes.
    pub async fn attended<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.until_unattended() => {}
        }
        let (end, is_over) = oneshot::channel();
        let run = self.run(async { is_over.await.unwrap_or_default() });
        let work = async {
            let done = work.await;
            end.send(()).unwrap_or_default();
            done
        };
        let (done, ran) = tokio::join!(work, run);
        if let Err(stopped) = ran {
            tracing::warn!(error = &stopped as &dyn std::error::Error, "a projection has stopped");
        }
        done
    }

    /// Waits until all read models show what `token` asks for, and sees to it that they are worked
    /// on. `tell` hears from time to time how they are getting on.
    ///
    /// # Errors
    ///
    /// [`CatchUpError`], if one stands still for [`PATIENCE`].
    pub async fn catch_up(
        &self,
        token: ConsistencyToken,
        tell: impl FnMut(&[ProjectionStatus]),
    ) -> Result<(), CatchUpError> {
        if self.are_at_least(token).await? {
            return Ok(());
        }
        self.attended(self.wait_with_patience(token, tell)).await
    }

    async fn are_at_least(&self, token: ConsistencyToken) -> Result<bool, StatusError> {
        for projection in QUERIED {
            let serving = on_either!(self, it => it.models().serving(projection).await)?;
            let is_there = |serving: &Serving| {
                serving.log_id == token.log_id && serving.position >= token.position
            };
            if !serving.as_ref().is_some_and(is_there) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn show(&self, token: ConsistencyToken, within: Duration) -> Result<(), WaitError> {
        for projection in QUERIED {
            self.visibility().wait_for(projection, token, within).await?;
        }
        Ok(())
    }

    async fn wait_with_patience(
        &self,
        token: ConsistencyToken,
        mut tell: impl FnMut(&[ProjectionStatus]),
    ) -> Result<(), CatchUpError> {
        let (mut last, mut moved_at) = (Position::ZERO, Instant::now());
        loop {
            let error = match self.show(token, LOOK_INTERVAL).await {
                Ok(()) => return Ok(()),
                Err(error @ WaitError::OtherLog { .. }) => return Err(error.into()),
                Err(error) => error,
            };
            let all = self.status().await?;
            tell(&all);
            // Of all that is built or serves, the sum of what is done moves if anything does.
            let done = all.iter().map(|status| status.position.get()).sum();
            let done = Position::new(done).unwrap_or(Position::MAX);
            if done != last {
                (last, moved_at) = (done, Instant::now());
            }
            if moved_at.elapsed() >= PATIENCE {
                return Err(stands_still(&error, &all));
            }
        }
    }

    /// Waits until no process works on any read model, or on some of them for longer than it takes
    /// a process to begin anew after a switch.
    async fn until_unattended(&self) {
        let mut since = None;
        loop {
            match self.status().await {
                Ok(all) => {
                    let attended = QUERIED.iter().filter(|name| is_attended(name, &all)).count();
                    let since = match attended {
                        0 => return,
                        _ if attended == QUERIED.len() => {
                            since = None;
                            since
                        }
                        _ => Some(*since.get_or_insert_with(Instant::now)),
                    };
                    if since.is_some_and(|since| since.elapsed() >= TAKE_OVER_AFTER) {
                        return;
                    }
                }
                // Whoever waits will be told by what it asks.
                Err(error) => tracing::debug!(?error, "the status of the projections is unknown"),
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

/// Whether there are workers for the generation that serves, or for the first one that will.
fn is_attended(projection: &str, all: &[ProjectionStatus]) -> bool {
    let of_this = |status: &&ProjectionStatus| status.generation.key.projection == projection;
    all.iter().filter(of_this).any(|status| status.state != ProjectionState::Stopped)
}

fn stands_still(error: &WaitError, all: &[ProjectionStatus]) -> CatchUpError {
    let projection = match error {
        WaitError::TooLate { projection, .. }
        | WaitError::NotServing { projection }
        | WaitError::ReadModels { projection, .. } => projection,
        _ => QUERIED[0],
    };
    let of_this = |status: &&ProjectionStatus| status.generation.key.projection == projection;
    let status = all.iter().rfind(of_this);
    CatchUpError::StandsStill {
        projection: projection.to_owned(),
        reached: status.map(|status| status.position).unwrap_or_default(),
        reason: status
            .and_then(|status| status.last_error.clone())
            .unwrap_or_else(|| "nobody works on it".to_owned()),
    }
}

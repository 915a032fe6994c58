//! Telling instances the time: that timers are due, and steps overdue.

use std::sync::Arc;

use annals_core::{BoxError, Saga, SagaOrigin, TraceContext};

use super::crew::{Hand, Instance};
use super::dispatch::DispatchCommand;
use super::error::is_lasting;
use super::runner::{Runner, Todo, as_recorded, todo};
use super::telemetry::timer_taken_up;
use crate::caught::{caught, panicked};
use crate::projections::with_causes;

/// Why an instance could not be told the time.
struct Trouble {
    error: BoxError,
    /// What it could not be told, if trying again will not help: the number of a timer or a step.
    untold: Option<(SagaOrigin, u32)>,
}

impl From<BoxError> for Trouble {
    fn from(error: BoxError) -> Self {
        Self { error, untold: None }
    }
}

impl<G, S> Runner<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    /// Tells an instance what is due, and takes up what is open.
    ///
    /// Tries again as with a step, and has the instance in hand meanwhile: nobody else looks at it.
    /// Whatever the saga itself cannot be told is parked in the end. What has led to this, if that
    /// is known, is the cause of what it takes up.
    pub(super) async fn tend(
        self: Arc<Self>,
        hand: Hand,
        instance: Instance,
        cause: Option<TraceContext>,
    ) {
        let (mut attempts, mut fire_max) = (0, usize::MAX);
        loop {
            let Trouble { error, untold } = match self.tell_time(&instance, fire_max).await {
                Ok(todo) => {
                    // It is needed for the steps, if there is no other.
                    drop(hand);
                    return self.take_up_all(&instance, todo, cause.as_ref());
                }
                Err(trouble) => trouble,
            };
            attempts += 1;
            let (id, words) = (&*instance.1, with_causes(&*error));
            tracing::warn!(saga = G::TYPE, id, attempts, error = words, "cannot be told the time");
            if attempts == 1 {
                // The steps can be done all the same.
                self.take_up_all(&instance, self.todo(&instance).await, cause.as_ref());
            }
            let goes_on = tokio::select! {
                goes_on = self.crew.options.retry.pause_after(attempts) => goes_on,
                () = self.crew.ended() => return,
            };
            if !goes_on && fire_max == 1 {
                if let Some((origin, number)) = untold {
                    self.park_untold(id, &origin, number, attempts, &words).await;
                }
                return;
            }
            // One by one, it shows which of them it is.
            fire_max = 1;
        }
    }

    /// Fires what is due. Gives what is to be done then.
    async fn tell_time(
        &self,
        instance: &Instance,
        fire_max: usize,
    ) -> Result<Option<Todo<G>>, Trouble> {
        let id = &*instance.1;
        let load = async || {
            let loaded = caught(self.driver.load(id)).await.map_err(|panic| panicked(&*panic))?;
            loaded.map(|loaded| loaded.state).map_err(BoxError::from)
        };
        let (state, now) = (load().await?, self.driver.clock().now());
        let Some(origin) = state.origin().cloned() else { return Ok(None) };
        let Some(number) = state.first_due(now) else { return Ok(Some((origin, todo(&state)))) };
        let (error, is_lasting) = match caught(self.driver.fire(id, &origin, fire_max)).await {
            Ok(Ok(_)) => {
                let due = state.timers().filter(|timer| timer.due_at <= now);
                due.for_each(|timer| timer_taken_up(G::TYPE, now - timer.due_at));
                return Ok(Some((origin, todo(&load().await?))));
            }
            Ok(Err(error)) => {
                let is_lasting = is_lasting(&error);
                (error.into(), is_lasting)
            }
            Err(panic) => (panicked(&*panic), true),
        };
        Err(Trouble { error, untold: is_lasting.then_some((origin, number)) })
    }

    fn take_up_all(
        self: &Arc<Self>,
        instance: &Instance,
        todo: Option<Todo<G>>,
        cause: Option<&TraceContext>,
    ) {
        if let Some((origin, steps)) = todo {
            let steps = steps.into_iter().map(|due| due.because_of(cause));
            self.take_up(instance, &origin, steps);
        }
    }

    async fn park_untold(
        &self,
        id: &str,
        origin: &SagaOrigin,
        number: u32,
        attempts: u32,
        words: &str,
    ) {
        let error = as_recorded(words);
        tracing::error!(saga = G::TYPE, id, number, attempts, error, "parked a timer");
        let parked = self.driver.park_untold(id, origin, number, attempts, error);
        if let Err(error) = parked.await {
            // It stays due, so somebody will try again.
            tracing::warn!(saga = G::TYPE, id, error = with_causes(&error), "could not park");
        }
    }
}

//! Doing what the instances of one saga ask for.

use std::sync::Arc;

use annals_core::{
    BoxError, BoxFuture, OpenStep, Saga, SagaInstance, SagaOrigin, StreamId, TraceContext,
    telemetry,
};
use tracing::Instrument;

use super::crew::{Crew, Hand, Instance};
use super::dispatch::DispatchCommand;
use super::driver::{Recorded, SagaDriver};
use super::telemetry::Stepping;
use crate::caught::{caught, panicked};
use crate::projections::with_causes;

/// Most characters of an error that are recorded.
const ERROR_CHARACTERS_MAX: usize = 2_000;

/// Does what the instances of one saga ask for.
pub(super) struct Runner<G: Saga, S> {
    pub(super) driver: SagaDriver<G, S>,
    pub(super) crew: Arc<Crew>,
}

/// The runner of a saga, whatever its types.
pub(super) trait Looks: Send + Sync {
    fn saga(&self) -> &'static str;

    /// Fires what is due and takes up what is open of an instance.
    fn look(self: Arc<Self>, hand: Hand, id: Arc<str>) -> BoxFuture<'static, ()>;
}

/// A step that is to be done now.
pub(super) struct Due<C> {
    step: OpenStep<C>,
    /// It is to be called off: the instance has failed meanwhile.
    is_off: bool,
    /// The trace of what led to it. Where nobody remembers, that of what the instance began with
    /// stands for it.
    cause: Option<TraceContext>,
}

impl<C> Due<C> {
    /// It is this that led to it, if there is anything.
    pub(super) fn because_of(self, cause: Option<&TraceContext>) -> Self {
        Self { cause: cause.cloned(), ..self }
    }
}

impl<C> From<OpenStep<C>> for Due<C> {
    /// As it is when it has just been decided.
    fn from(step: OpenStep<C>) -> Self {
        Self { step, is_off: false, cause: None }
    }
}

/// What is to be done now, with what the instance began with.
pub(super) type Todo<G> = (SagaOrigin, Vec<Due<<G as Saga>::Command>>);

impl<G, S> Runner<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    fn instance(id: &str) -> Instance {
        (G::TYPE, Arc::from(id))
    }

    /// Takes up what was decided with an event that this process has taken, if it looks after the
    /// instance: otherwise whoever does sees it in the list.
    pub(super) async fn go_on(self: Arc<Self>, recorded: Recorded<G>, cause: Option<TraceContext>) {
        let Ok(stream) = StreamId::new(G::TYPE, recorded.instance.as_str()) else { return };
        if recorded.events.is_empty() || !self.crew.owns(&stream) {
            return;
        }
        let instance = Self::instance(&recorded.instance);
        match (recorded.new_steps(), recorded.origin()) {
            (Some(steps), _) if steps.is_empty() => {}
            (Some(steps), Some(origin)) => {
                self.take_up(&instance, &origin, steps.into_iter().map(Due::from));
            }
            _ => {
                if let Some(hand) = self.crew.take_whole(&instance) {
                    self.crew.clone().spawn(self.tend(hand, instance, cause));
                }
            }
        }
    }

    /// Has each of the steps done beside what is going on, as far as there is room.
    pub(super) fn take_up(
        self: &Arc<Self>,
        instance: &Instance,
        origin: &SagaOrigin,
        steps: impl IntoIterator<Item = Due<G::Command>>,
    ) {
        for due in steps {
            let Some(hand) = self.crew.take(instance, due.step.number) else { continue };
            let work = self.clone().follow(hand, instance.clone(), origin.clone(), due);
            self.crew.spawn(work);
        }
    }

    /// Does a step, and then what follows from it.
    async fn follow(
        self: Arc<Self>,
        hand: Hand,
        instance: Instance,
        origin: SagaOrigin,
        due: Due<G::Command>,
    ) {
        let (mut hand, mut due) = (hand, due);
        let mut cause = due.cause.take().or_else(|| origin.trace.clone());
        while !self.crew.is_over() {
            let stepping = Stepping::begin(G::TYPE, &instance.1, due.step.number, cause.as_ref());
            let finishing = self.finish(&instance, &origin, due, &stepping);
            let Some(recorded) = finishing.instrument(stepping.span.clone()).await else { return };
            // What follows goes on with what this step has begun.
            cause = stepping.span.in_scope(telemetry::current_trace).or(cause);
            let next: Vec<_> = match recorded.new_steps() {
                Some(steps) => steps.into_iter().map(Due::from).collect(),
                None => self.todo(&instance).await.map(|(_, todo)| todo).unwrap_or_default(),
            };
            let mut next = next.into_iter().map(|due| due.because_of(cause.as_ref()));
            let Some(first) = next.next() else { return };
            self.take_up(&instance, &origin, next);
            let Some(passed) = hand.pass_to(first.step.number) else { return };
            (hand, due) = (passed, first);
        }
    }

    /// Tries a step until it has an outcome and that is recorded, or it is parked. Gives what was
    /// recorded, unless there was nothing to.
    async fn finish(
        &self,
        instance: &Instance,
        origin: &SagaOrigin,
        due: Due<G::Command>,
        stepping: &Stepping,
    ) -> Option<Recorded<G>> {
        let (id, Due { mut step, mut is_off, .. }) = (&*instance.1, due);
        let mut attempts = 0;
        loop {
            // Much may have happened while it was waiting.
            if attempts > 0
                && let Ok(loaded) = self.driver.load(id).await
            {
                let open = loaded.state.find_open_step(step.number)?;
                if open.parked.is_some() || loaded.state.state().is_ended() {
                    return None;
                }
                is_off = loaded.state.is_to_be_cancelled(open);
                step = open.clone();
            }
            attempts += 1;
            let tried = caught(async {
                if is_off {
                    return self.driver.cancel(id, origin, &step).await.map_err(BoxError::from);
                }
                self.driver.perform(id, origin, &step, attempts).await
            });
            let error = match tried.await {
                Ok(Ok(recorded)) => {
                    stepping.ended(recorded.as_ref(), false);
                    return recorded;
                }
                Ok(Err(error)) => error,
                Err(panic) => panicked(&*panic),
            };
            let words = with_causes(&*error);
            tracing::warn!(saga = G::TYPE, id, step = step.number, attempts, error = words);
            let goes_on = tokio::select! {
                goes_on = self.crew.options.retry.pause_after(attempts) => goes_on,
                // Somebody takes it up again.
                () = self.crew.ended() => return None,
            };
            if !goes_on {
                self.park(id, origin, &step, attempts, words).await;
                stepping.ended::<G>(None, true);
                return None;
            }
        }
    }

    async fn park(
        &self,
        id: &str,
        origin: &SagaOrigin,
        step: &OpenStep<G::Command>,
        attempts: u32,
        error: String,
    ) {
        let error = as_recorded(&error);
        tracing::error!(saga = G::TYPE, id, step = step.number, attempts, error, "parked a step");
        if let Err(error) = self.driver.park(id, origin, step, attempts, error).await {
            // It stays open, so somebody will try again.
            tracing::warn!(saga = G::TYPE, id, error = with_causes(&error), "could not park");
        }
    }

    /// What is to be done for an instance now.
    pub(super) async fn todo(&self, instance: &Instance) -> Option<Todo<G>> {
        let state = self.load(instance).await?;
        Some((state.origin()?.clone(), todo(&state)))
    }

    async fn load(&self, instance: &Instance) -> Option<SagaInstance<G>> {
        match self.driver.load(&instance.1).await {
            Ok(loaded) => Some(loaded.state),
            Err(error) => {
                let error = with_causes(&error);
                tracing::warn!(saga = G::TYPE, id = &*instance.1, error, "cannot be loaded");
                None
            }
        }
    }
}

/// An error as it goes into the log: other people's words may be long, and hold what JSON in a
/// database must not.
pub(super) fn as_recorded(error: &str) -> String {
    error.chars().filter(|character| *character != '\0').take(ERROR_CHARACTERS_MAX).collect()
}

/// The steps of an instance that somebody should do now.
pub(super) fn todo<G: Saga>(state: &SagaInstance<G>) -> Vec<Due<G::Command>> {
    if state.state().is_ended() {
        return Vec::new();
    }
    let open = state.open_steps().filter(|step| step.parked.is_none());
    let due = |step: &OpenStep<G::Command>| Due {
        is_off: state.is_to_be_cancelled(step),
        step: step.clone(),
        cause: None,
    };
    open.map(due).collect()
}

impl<G, S> Looks for Runner<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    fn saga(&self) -> &'static str {
        G::TYPE
    }

    fn look(self: Arc<Self>, hand: Hand, id: Arc<str>) -> BoxFuture<'static, ()> {
        Box::pin(self.tend(hand, (G::TYPE, id), None))
    }
}

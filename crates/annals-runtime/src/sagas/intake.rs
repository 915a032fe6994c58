//! Taking the events that sagas correlate.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_core::{
    ApplyError, BoxError, BoxFuture, Correlation, DocumentChanges, DocumentProjection, DocumentSet,
    Documents, EventEnvelope, JsonError, Saga, SagaError,
};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use thiserror::Error;
use tracing::Instrument;

use super::dispatch::DispatchCommand;
use super::error::is_lasting;
use super::runner::Runner;
use super::telemetry;
use crate::error::ExecuteError;
use crate::projections::Beside;

/// Instances whose events are taken at the same time: enough for the store to write many appends in
/// one batch.
const AT_ONCE: usize = 64;

/// The events of a saga as a projection without documents: it has a checkpoint, a lease, dead
/// letters and a status as any other, and what it does is to take them.
///
/// It has one partition. Then the events of an instance are taken in the order of the log, whatever
/// streams they are from.
#[derive(Debug)]
pub struct SagaInputs<G>(std::marker::PhantomData<fn() -> G>);

impl<G> SagaInputs<G> {
    pub(super) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<G: Saga> Documents for SagaInputs<G> {
    const NAME: &'static str = G::TYPE;
    const VERSION: u32 = 1;
    type Event = G::Event;
    type Document = ();

    fn keys(&self, _: &EventEnvelope<G::Event>) -> Vec<String> {
        Vec::new()
    }

    fn apply(&self, _: &EventEnvelope<G::Event>, _: &mut DocumentSet<()>) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Takes them before the checkpoint moves on.
pub(super) struct Intake<G: Saga, S> {
    pub(super) runner: Arc<Runner<G, S>>,
}

impl<G, S> Beside<DocumentProjection<SagaInputs<G>>> for Intake<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    fn before<'a>(
        &'a self,
        changes: &'a DocumentChanges<G::Event>,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let mut instances: BTreeMap<String, Vec<&EventEnvelope<G::Event>>> = BTreeMap::new();
            for event in &changes.events {
                if let Correlation::Begins(id) | Correlation::Concerns(id) = G::correlate(event) {
                    instances.entry(id).or_default().push(event);
                }
            }
            let mut waiting = instances.into_values();
            let mut taking = FuturesUnordered::new();
            loop {
                while taking.len() < AT_ONCE
                    && let Some(events) = waiting.next()
                {
                    taking.push(self.take(events));
                }
                match taking.next().await {
                    Some(taken) => taken?,
                    None => return Ok(()),
                }
            }
        })
    }
}

impl<G, S> Intake<G, S>
where
    G: Saga,
    G::Command: DispatchCommand<Services = S, Rejection = G::Rejection>,
    S: Send + Sync + 'static,
{
    /// Takes the events of one instance, in their order.
    async fn take(&self, events: Vec<&EventEnvelope<G::Event>>) -> Result<(), ApplyError> {
        for event in events {
            let taking = telemetry::take::<G>(event);
            match self.runner.driver.take(event).instrument(taking).await {
                Ok(Some(recorded)) => {
                    self.runner.clone().go_on(recorded, event.metadata.trace.clone()).await;
                }
                Ok(None) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }
}

/// An event that a saga cannot keep.
#[derive(Debug, Error)]
#[error(
    "the event, kept whole in the history of the saga with what is decided on it, is more than an \
     event can hold"
)]
struct Unfit {
    source: JsonError,
}

/// What it means for the events that they could not be taken.
fn refused(error: ExecuteError<SagaError>) -> ApplyError {
    match error {
        ExecuteError::Invalid(source) => ApplyError::Rejected { source: Unfit { source }.into() },
        error if is_lasting(&error) => ApplyError::Rejected { source: error.into() },
        error => ApplyError::Unavailable { source: error.into() },
    }
}

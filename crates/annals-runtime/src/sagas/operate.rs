//! Orders of operators.

use std::sync::Arc;

use annals_core::limits::ACTOR_BYTES_MAX;
use annals_core::{
    BoxFuture, DocumentProjection, DocumentReader, Hosts, LimitError, Metadata, OpenStep,
    ReadModels, Saga, SagaCommand, SagaError, SagaEventOf, SagaInstance, Sequence, StepCommandId,
};
use serde_json::Value;

use super::Sagas;
use super::detail::{Looked, entry};
use super::driver::SagaDriver;
use super::error::SagasError;
use super::index::{SagaIndex, command_name};
use crate::error::ExecuteError;

/// Longest reason that an operator can give, in bytes.
const WHY_BYTES_MAX: usize = 1_000;

/// Events of a history that are read at once.
const PAGE: usize = 1_000;

/// What an operator can order.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Retry,
    Compensate,
    Abandon,
    /// To tell it something.
    Signal(Value),
}

/// Looks at the instances of one saga and carries out orders for them, whatever its types.
pub(super) trait Operates: Send + Sync {
    fn saga(&self) -> &'static str;

    fn order<'a>(
        &'a self,
        id: &'a str,
        order: Order,
        by: &'a str,
        why: &'a str,
    ) -> BoxFuture<'a, Result<(), SagasError>>;

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Looked, SagasError>>;
}

impl<G: Saga, S: Send + Sync + 'static> Operates for SagaDriver<G, S> {
    fn saga(&self) -> &'static str {
        G::TYPE
    }

    fn order<'a>(
        &'a self,
        id: &'a str,
        order: Order,
        by: &'a str,
        why: &'a str,
    ) -> BoxFuture<'a, Result<(), SagasError>> {
        Box::pin(async move {
            let at = self.clock().now();
            let (by, why) = (by.to_owned(), why.to_owned());
            let command = match order {
                Order::Retry => SagaCommand::Retry { by: by.clone(), why, at },
                Order::Compensate => SagaCommand::Compensate { by: by.clone(), why, at },
                Order::Abandon => SagaCommand::Abandon { by: by.clone(), why, at },
                Order::Signal(signal) => {
                    let signal = serde_json::from_value(signal);
                    let signal =
                        signal.map_err(|source| SagasError::Form { what: "signal", source })?;
                    SagaCommand::Signal { signal, by: by.clone(), at }
                }
            };
            let context = Metadata::default().actor(by);
            match self.order(id, command, context).await {
                Ok(_) => Ok(()),
                Err(ExecuteError::Rejected(SagaError::NotFound)) => Err(not_found::<G>(id)),
                Err(ExecuteError::Rejected(error)) => Err(SagasError::Refused(error)),
                Err(error) => Err(SagasError::Order(error)),
            }
        })
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Looked, SagasError>> {
        Box::pin(async move {
            let loaded = self.load(id).await?;
            if !loaded.exists() {
                return Err(not_found::<G>(id));
            }
            let (mut timeline, mut after, key) = (Vec::new(), Sequence::ZERO, id.to_owned());
            loop {
                let history = self.instances().history::<SagaInstance<G>>(&key, after, PAGE);
                let history = history.await?;
                let Some(last) = history.events.last() else { break };
                after = last.sequence;
                timeline.extend(history.events.iter().map(entry::<SagaEventOf<G>>));
                if !history.has_more {
                    break;
                }
            }
            let state = &loaded.state;
            let command_id =
                |step: &OpenStep<G::Command>| StepCommandId::step::<G>(id, step.number, step.round);
            let open = state.open_steps().map(|step| {
                let command = serde_json::to_value(&step.command).unwrap_or_default();
                super::WaitingStep {
                    number: step.number,
                    name: command_name(&command),
                    command,
                    command_id: command_id(step),
                    since: step.since,
                    overdue_at: step.overdue_at,
                    compensates: step.compensates,
                    parked: step.parked.clone(),
                    usual: None,
                    is_late: false,
                }
            });
            Ok(Looked {
                state: state.state(),
                reason: state.reason().map(str::to_owned),
                origin: state.origin().cloned(),
                open: open.collect(),
                timers: state
                    .timers()
                    .map(|set| super::TimerSummary {
                        number: set.number,
                        timer: serde_json::to_value(&set.timer).unwrap_or_default(),
                        due_at: set.due_at,
                        parked: set.parked.clone(),
                    })
                    .collect(),
                sequence: loaded.sequence,
                timeline,
            })
        })
    }
}

fn not_found<G: Saga>(id: &str) -> SagasError {
    SagasError::NotFound { saga: G::TYPE.to_owned(), id: id.to_owned() }
}

impl<S, D> Sagas<S, D>
where
    S: Send + Sync + 'static,
    D: ReadModels + DocumentReader + Hosts<DocumentProjection<SagaIndex>>,
{
    /// Has everything tried again that is parked in an instance. A compensation that was rejected
    /// is dispatched under a new command id; a step whose outcome nobody knows under the same.
    ///
    /// # Errors
    ///
    /// [`SagasError::Refused`] if nothing is parked; else as its variants say.
    pub async fn retry(&self, saga: &str, id: &str, by: &str, why: &str) -> Result<(), SagasError> {
        self.order(saga, id, Order::Retry, by, why).await
    }

    /// Has an instance fail: steps that are not done are called off, and what was done is
    /// compensated in reverse order.
    ///
    /// # Errors
    ///
    /// [`SagasError::Refused`] if that is under way or the instance has ended; else as its variants
    /// say.
    pub async fn compensate(
        &self,
        saga: &str,
        id: &str,
        by: &str,
        why: &str,
    ) -> Result<(), SagasError> {
        self.order(saga, id, Order::Compensate, by, why).await
    }

    /// Ends an instance as it is. A step that is being tried at this moment may still take effect.
    ///
    /// # Errors
    ///
    /// [`SagasError::Refused`] if it has ended; else as its variants say.
    pub async fn abandon(
        &self,
        saga: &str,
        id: &str,
        by: &str,
        why: &str,
    ) -> Result<(), SagasError> {
        self.order(saga, id, Order::Abandon, by, why).await
    }

    /// Tells an instance something: a value of the saga's
    /// [`Saga::Signal`](annals_core::Saga::Signal).
    ///
    /// # Errors
    ///
    /// [`SagasError::Form`] if the saga does not understand it; else as its variants say.
    pub async fn signal(
        &self,
        saga: &str,
        id: &str,
        signal: Value,
        by: &str,
    ) -> Result<(), SagasError> {
        self.order(saga, id, Order::Signal(signal), by, "").await
    }

    async fn order(
        &self,
        saga: &str,
        id: &str,
        order: Order,
        by: &str,
        why: &str,
    ) -> Result<(), SagasError> {
        check("who orders it", by, ACTOR_BYTES_MAX, true)?;
        let is_asked_why = matches!(order, Order::Compensate | Order::Abandon);
        check("why it is ordered", why, WHY_BYTES_MAX, is_asked_why)?;
        self.operator(saga)?.order(id, order, by, why).await
    }

    pub(super) fn operator(&self, saga: &str) -> Result<&Arc<dyn Operates>, SagasError> {
        self.operators.get(saga).ok_or_else(|| {
            let mut known: Vec<_> = self.operators.keys().copied().collect();
            known.sort_unstable();
            SagasError::UnknownSaga { saga: saga.to_owned(), known: known.join(", ") }
        })
    }
}

fn check(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    is_needed: bool,
) -> Result<(), LimitError> {
    if is_needed && text.trim().is_empty() {
        return Err(LimitError::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(LimitError::TooLong { what, bytes: text.len(), bytes_max });
    }
    Ok(())
}

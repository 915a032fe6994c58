//! Orders of operators.

use std::sync::Arc;

use annals_core::{
    BoxFuture, DocumentProjection, DocumentReader, Hosts, Metadata, OpenStep, ReadModels, Saga,
    SagaCommand, SagaError, SagaInstance, Sequence, StepCommandId,
};
use serde_json::Value;

use super::Sagas;
use super::detail::{Looked, TIMELINE_MAX, entry};
use super::driver::SagaDriver;
use super::error::SagasError;
use super::index::{SagaIndex, command_name};
use super::order::{SagaOrder, SagaOrdered, What};
use crate::error::ExecuteError;
use crate::execution::Executed;

/// Events of a history that are read at once.
const PAGE: usize = 1_000;

/// Looks at the instances of one saga and carries out orders for them, whatever its types.
pub(super) trait Operates: Send + Sync {
    fn saga(&self) -> &'static str;

    fn order<'a>(
        &'a self,
        id: &'a str,
        order: SagaOrder,
    ) -> BoxFuture<'a, Result<SagaOrdered, SagasError>>;

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Looked, SagasError>>;

    /// A rejection in words, from what the list knows of it without knowing its type.
    fn tell(&self, rejection: &str) -> Option<String>;
}

impl<G: Saga, S: Send + Sync + 'static> Operates for SagaDriver<G, S> {
    fn saga(&self) -> &'static str {
        G::TYPE
    }

    fn order<'a>(
        &'a self,
        id: &'a str,
        order: SagaOrder,
    ) -> BoxFuture<'a, Result<SagaOrdered, SagasError>> {
        Box::pin(async move {
            let SagaOrder { what, by, why, command_id, expected, context } = order;
            let context = context.unwrap_or_else(|| Metadata::default().actor(by.as_str()));
            let at = self.clock().now();
            let command = match what {
                What::Retry => SagaCommand::Retry { by, why, at },
                What::Compensate => SagaCommand::Compensate { by, why, at },
                What::Abandon => SagaCommand::Abandon { by, why, at },
                What::Signal(signal) => {
                    let signal = serde_json::from_value(signal);
                    let signal = signal.map_err(|error: serde_json::Error| SagasError::Form {
                        what: "signal",
                        source: error.into(),
                    })?;
                    SagaCommand::Signal { signal, by, at }
                }
            };
            let instance = id.to_owned();
            let mut execute = self.instances().execute::<SagaInstance<G>>(&instance, command);
            if let Some(command_id) = command_id {
                execute = execute.command_id(command_id);
            }
            if let Some(sequence) = expected {
                execute = execute.expect_sequence(sequence);
            }
            match execute.context(context).await {
                Ok(Executed { command_id, sequence, token, repeated, .. }) => {
                    Ok(SagaOrdered { command_id, sequence, token, repeated })
                }
                Err(ExecuteError::Rejected(SagaError::NotFound)) => Err(not_found::<G>(id)),
                Err(ExecuteError::Rejected(error)) => Err(SagasError::Refused(error)),
                Err(error) => Err(SagasError::Order(error)),
            }
        })
    }

    fn tell(&self, rejection: &str) -> Option<String> {
        let rejection: G::Rejection = serde_json::from_str(rejection)
            .or_else(|_| serde_json::from_value(Value::String(rejection.to_owned())))
            .ok()?;
        Some(rejection.to_string())
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Looked, SagasError>> {
        Box::pin(async move {
            let loaded = self.load(id).await?;
            if !loaded.exists() {
                return Err(not_found::<G>(id));
            }
            let (mut timeline, key) = (Vec::new(), id.to_owned());
            let before = loaded.sequence.get().saturating_sub(TIMELINE_MAX);
            let mut after = Sequence::new(before)?;
            loop {
                let history = self.instances().history::<SagaInstance<G>>(&key, after, PAGE);
                let history = history.await?;
                let Some(last) = history.events.last() else { break };
                after = last.sequence;
                timeline.extend(history.events.iter().map(entry::<G>));
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
    /// Gives an instance an order.
    ///
    /// # Errors
    ///
    /// [`SagasError::Refused`] if the instance does not stand so that it can be followed: nothing
    /// is parked that could be retried, compensation is under way already, or it has ended;
    /// [`SagasError::Form`] if the saga does not understand the signal; else as its variants say.
    pub async fn order(
        &self,
        saga: &str,
        id: &str,
        order: SagaOrder,
    ) -> Result<SagaOrdered, SagasError> {
        order.check()?;
        self.operator(saga)?.order(id, order).await
    }

    pub(super) fn operator(&self, saga: &str) -> Result<&Arc<dyn Operates>, SagasError> {
        self.operators.get(saga).ok_or_else(|| {
            let mut known: Vec<_> = self.operators.keys().copied().collect();
            known.sort_unstable();
            SagasError::UnknownSaga { saga: saga.to_owned(), known: known.join(", ") }
        })
    }
}

//! What sagas tell about themselves.

use annals_core::telemetry::span::field;
use annals_core::telemetry::{Stopwatch, TARGET, attribute, metric, span};
use annals_core::{EventEnvelope, Saga, SagaEvent, TraceContext};
use chrono::TimeDelta;
use tracing::Span;
use tracing::field::Empty;

use super::driver::Recorded;
use crate::telemetry::fail;

/// An event that is taken into the history of an instance, in a trace that goes on with what has
/// written it.
pub(super) fn take<G: Saga>(event: &EventEnvelope<G::Event>) -> Span {
    tracing::info_span!(
        target: TARGET,
        parent: None,
        span::SAGA_INPUT.name,
        { field::NAME } = %format_args!("{} {}", span::SAGA_INPUT.name, G::TYPE),
        { field::KIND } = span::SAGA_INPUT.role.as_str(),
        { field::LINK } = event.metadata.trace.as_ref().map(TraceContext::traceparent),
        { attribute::SAGA.name } = G::TYPE,
        { attribute::POSITION.name } = event.position.get(),
    )
}

/// A step that is being done.
#[derive(Debug)]
pub(super) struct Stepping {
    pub(super) span: Span,
    watch: Stopwatch,
    saga: &'static str,
}

impl Stepping {
    /// Begins with a step that goes on with what was traced as `cause`.
    pub(super) fn begin(
        saga: &'static str,
        id: &str,
        step: u32,
        cause: Option<&TraceContext>,
    ) -> Self {
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            span::SAGA_STEP.name,
            { field::NAME } = %format_args!("{} {saga}", span::SAGA_STEP.name),
            { field::KIND } = span::SAGA_STEP.role.as_str(),
            { field::LINK } = cause.map(TraceContext::traceparent),
            { attribute::SAGA.name } = saga,
            { attribute::SAGA_ID.name } = id,
            { attribute::SAGA_STEP.name } = step,
            { attribute::OUTCOME.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        Self { span, watch: Stopwatch::start(), saga }
    }

    /// It has an outcome, or nothing is left to do about it here.
    pub(super) fn ended<G: Saga>(&self, recorded: Option<&Recorded<G>>, is_parked: bool) {
        let first = recorded.and_then(|recorded| recorded.events.first());
        let outcome = match first {
            _ if is_parked => "parked",
            Some(SagaEvent::StepSucceeded { .. }) => "succeeded",
            Some(SagaEvent::StepRejected { .. }) => "rejected",
            Some(SagaEvent::StepCancelled { .. }) => "cancelled",
            _ => "settled",
        };
        let error = is_parked.then_some("attempts_used_up");
        self.span.record(attribute::OUTCOME.name, outcome);
        fail(&self.span, error);
        let mut labels = vec![(attribute::SAGA, self.saga), (attribute::OUTCOME, outcome)];
        labels.extend(error.map(|error| (attribute::ERROR_TYPE, error)));
        self.watch.stop(&metric::SAGA_STEP_DURATION, &labels);
    }
}

/// A timer is taken up so long after it was due.
pub(super) fn timer_taken_up(saga: &'static str, late: TimeDelta) {
    metric::TIMER_LATENESS.measure(late.as_seconds_f64(), &[(attribute::SAGA, saga)]);
}

/// So many instances stand so, the oldest for so long.
pub(super) fn instances(saga: &'static str, state: &'static str, count: usize) {
    let labels = [(attribute::SAGA, saga), (attribute::SAGA_STATE, state)];
    metric::SAGA_INSTANCES.measure(f64::from(u32::try_from(count).unwrap_or(u32::MAX)), &labels);
}

/// The oldest instance that has not ended began so long ago.
pub(super) fn oldest(saga: &'static str, age: TimeDelta) {
    metric::SAGA_AGE.measure(age.as_seconds_f64(), &[(attribute::SAGA, saga)]);
}

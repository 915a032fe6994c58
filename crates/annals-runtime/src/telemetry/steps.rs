//! The steps of a command: load, handle, append.

use annals_core::telemetry::span::{Role, field};
use annals_core::telemetry::{Stopwatch, TARGET, attribute, is_on, metric, span};
use annals_core::{AppendError, Sequence};
use tracing::Span;
use tracing::field::Empty;

use super::{fail, load_error_type};
use crate::error::LoadError;
use crate::submit::{Submitted, is_conflict};

/// Getting a state.
#[derive(Debug)]
pub(crate) struct Loading {
    pub(crate) span: Span,
}

impl Loading {
    pub(crate) fn begin() -> Self {
        let span = tracing::info_span!(
            target: TARGET,
            span::LOAD.name,
            { attribute::STATE_SOURCE.name } = Empty,
            { attribute::EVENT_COUNT.name } = Empty,
            { attribute::SEQUENCE.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        Self { span }
    }

    /// The state was in memory.
    pub(crate) fn remembered(&self, aggregate_type: &'static str, sequence: Sequence) {
        self.ended("memory", sequence, 0);
        let source = (attribute::STATE_SOURCE, "memory");
        metric::LOAD_STATES.count(1, &[(attribute::AGGREGATE_TYPE, aggregate_type), source]);
    }

    /// The state came from the log, and so many of its events had to be applied.
    pub(crate) fn replayed(&self, aggregate_type: &'static str, sequence: Sequence, applied: u64) {
        let source = if applied < sequence.get() { "snapshot" } else { "events" };
        self.ended(source, sequence, applied);
        let aggregate_type = (attribute::AGGREGATE_TYPE, aggregate_type);
        metric::LOAD_STATES.count(1, &[aggregate_type, (attribute::STATE_SOURCE, source)]);
        metric::LOAD_EVENTS.count(applied, &[aggregate_type]);
    }

    /// What a decision depends on was read, and so many events were applied.
    pub(crate) fn read(&self, applied: u64) {
        self.span.record(attribute::STATE_SOURCE.name, "events");
        self.span.record(attribute::EVENT_COUNT.name, applied);
    }

    pub(crate) fn failed(&self, error: &LoadError) {
        fail(&self.span, Some(load_error_type(error)));
    }

    fn ended(&self, source: &'static str, sequence: Sequence, applied: u64) {
        if !self.span.is_disabled() {
            self.span.record(attribute::STATE_SOURCE.name, source);
            self.span.record(attribute::EVENT_COUNT.name, applied);
            self.span.record(attribute::SEQUENCE.name, sequence.get());
        }
    }
}

/// Lets the domain decide.
pub(crate) fn handle<T, E>(decide: impl FnOnce() -> Result<Vec<T>, E>) -> Result<Vec<T>, E> {
    let span = tracing::info_span!(
        target: TARGET,
        span::HANDLE.name,
        { attribute::OUTCOME.name } = Empty,
        { attribute::EVENT_COUNT.name } = Empty,
    );
    let decided = span.in_scope(decide);
    match &decided {
        Ok(events) => {
            let outcome = if events.is_empty() { "unchanged" } else { "decided" };
            span.record(attribute::OUTCOME.name, outcome);
            span.record(attribute::EVENT_COUNT.name, events.len());
        }
        Err(_) => {
            span.record(attribute::OUTCOME.name, "rejected");
        }
    }
    decided
}

/// Waiting for a read model.
pub(crate) fn wait(projection: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        span::WAIT.name,
        { attribute::PROJECTION.name } = projection,
        { attribute::ERROR_TYPE.name } = Empty,
        { field::STATUS } = Empty,
    )
}

/// An append on its way into the log.
#[derive(Debug)]
pub(crate) struct Appending {
    pub(crate) span: Span,
    watch: Stopwatch,
}

impl Appending {
    pub(crate) fn begin(events: usize) -> Self {
        let span = tracing::info_span!(
            target: TARGET,
            span::APPEND.name,
            { field::KIND } = Role::Producer.as_str(),
            { attribute::EVENT_COUNT.name } = events,
            { attribute::POSITION.name } = Empty,
            { attribute::OUTCOME.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        Self { span, watch: Stopwatch::start() }
    }

    pub(crate) fn ended(&self, result: &Result<Submitted, AppendError>) {
        let (outcome, error) = match result {
            Ok(Submitted { appended, is_resent }) => {
                self.span.record(attribute::POSITION.name, appended.last_position().get());
                let is_repeat = appended.repeated && !is_resent;
                (if is_repeat { "repeated" } else { "written" }, None)
            }
            Err(error) if is_conflict(error) => ("conflict", None),
            Err(AppendError::Unknown { .. }) => ("failed", Some("unknown_outcome")),
            Err(AppendError::Unavailable { .. }) => ("failed", Some("unavailable")),
            Err(AppendError::Closed { .. }) => ("failed", Some("closed")),
            Err(_) => ("failed", Some("invalid")),
        };
        self.span.record(attribute::OUTCOME.name, outcome);
        fail(&self.span, error);
        if is_on() {
            let outcome = (attribute::OUTCOME, outcome);
            match error {
                Some(error) => {
                    let labels = [outcome, (attribute::ERROR_TYPE, error)];
                    self.watch.stop(&metric::APPEND_DURATION, &labels);
                }
                None => self.watch.stop(&metric::APPEND_DURATION, &[outcome]),
            }
        }
    }
}

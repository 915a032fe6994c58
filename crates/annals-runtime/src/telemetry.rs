//! What executing tells about itself: its spans, and how they end.

mod steps;

use std::error::Error;

use annals_core::telemetry::span::field;
use annals_core::telemetry::{Labels, Stopwatch, TARGET, attribute, is_on, metric, span};
use annals_core::{CommandId, StreamId};
use tracing::Span;
use tracing::field::Empty;

use crate::decide::Decided;
use crate::error::{ExecuteError, LoadError};
use crate::execution::Executed;

pub(crate) use annals_core::telemetry::fail;

pub(crate) use self::steps::{Appending, Loading, handle, wait};

/// What a command or decision is called, and since when it is under way.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) span: Span,
    watch: Stopwatch,
    command: &'static str,
    /// Decisions have none.
    aggregate_type: Option<&'static str>,
}

impl Begun {
    pub(crate) fn execute(
        command: &'static str,
        aggregate_type: &'static str,
        stream: &StreamId,
        id: CommandId,
    ) -> Self {
        let span = tracing::info_span!(
            target: TARGET,
            span::EXECUTE.name,
            { field::NAME } = %format_args!("{} {command}", span::EXECUTE.name),
            { attribute::COMMAND.name } = command,
            { attribute::COMMAND_ID.name } = %id,
            { attribute::AGGREGATE_TYPE.name } = aggregate_type,
            { attribute::AGGREGATE_ID.name } = stream.aggregate_id(),
            { attribute::OUTCOME.name } = Empty,
            { attribute::ATTEMPTS.name } = Empty,
            { attribute::EVENT_COUNT.name } = Empty,
            { attribute::SEQUENCE.name } = Empty,
            { attribute::POSITION.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        Self { span, watch: Stopwatch::start(), command, aggregate_type: Some(aggregate_type) }
    }

    pub(crate) fn decide(command: &'static str, id: CommandId) -> Self {
        let span = tracing::info_span!(
            target: TARGET,
            span::DECIDE.name,
            { field::NAME } = %format_args!("{} {command}", span::DECIDE.name),
            { attribute::COMMAND.name } = command,
            { attribute::COMMAND_ID.name } = %id,
            { attribute::OUTCOME.name } = Empty,
            { attribute::ATTEMPTS.name } = Empty,
            { attribute::EVENT_COUNT.name } = Empty,
            { attribute::POSITION.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
            { field::STATUS } = Empty,
        );
        Self { span, watch: Stopwatch::start(), command, aggregate_type: None }
    }

    pub(crate) fn conflict(&self) {
        let command = (attribute::COMMAND, self.command);
        match self.aggregate_type {
            Some(aggregate_type) => {
                let aggregate_type = (attribute::AGGREGATE_TYPE, aggregate_type);
                metric::COMMAND_CONFLICTS.count(1, &[command, aggregate_type]);
            }
            None => metric::COMMAND_CONFLICTS.count(1, &[command]),
        }
    }

    pub(crate) fn executed<T, E>(&self, result: &Result<Executed<T>, ExecuteError<E>>)
    where
        E: Error + 'static,
    {
        let done = result.as_ref().ok();
        if let Some(done) = done
            && !self.span.is_disabled()
        {
            self.span.record(attribute::SEQUENCE.name, done.sequence.get());
        }
        let done = done.map(|done| Done {
            repeated: done.repeated,
            events: done.events.len(),
            attempts: done.attempts,
            position: done.position.get(),
        });
        self.ended(done, result.as_ref().err());
    }

    pub(crate) fn decided<T, E>(&self, result: &Result<Decided<T>, ExecuteError<E>>)
    where
        E: Error + 'static,
    {
        let done = result.as_ref().ok().map(|done| Done {
            repeated: done.repeated,
            events: done.events.len(),
            attempts: done.attempts,
            position: done.position.get(),
        });
        self.ended(done, result.as_ref().err());
    }

    fn ended<E: Error + 'static>(&self, done: Option<Done>, refused: Option<&ExecuteError<E>>) {
        let outcome = match (&done, refused) {
            (Some(done), _) => done.outcome(),
            (None, Some(error)) => outcome_of(error),
            (None, None) => "failed",
        };
        let error = refused.and_then(error_type);
        if !self.span.is_disabled() {
            self.span.record(attribute::OUTCOME.name, outcome);
            if let Some(done) = done {
                self.span.record(attribute::ATTEMPTS.name, done.attempts);
                self.span.record(attribute::EVENT_COUNT.name, done.events);
                self.span.record(attribute::POSITION.name, done.position);
            }
            if let Some(ExecuteError::Contention { attempts, .. }) = refused {
                self.span.record(attribute::ATTEMPTS.name, attempts);
            }
            fail(&self.span, error);
        }
        if !is_on() {
            return;
        }
        let measure = |labels: Labels<'_>| self.watch.stop(&metric::COMMAND_DURATION, labels);
        let command = (attribute::COMMAND, self.command);
        let outcome = (attribute::OUTCOME, outcome);
        let aggregate_type = self.aggregate_type.map(|name| (attribute::AGGREGATE_TYPE, name));
        let error = error.map(|error| (attribute::ERROR_TYPE, error));
        // Each command comes by here, so no memory is asked for.
        match (aggregate_type, error) {
            (Some(aggregate_type), None) => measure(&[command, outcome, aggregate_type]),
            (Some(aggregate_type), Some(error)) => {
                measure(&[command, outcome, aggregate_type, error]);
            }
            (None, None) => measure(&[command, outcome]),
            (None, Some(error)) => measure(&[command, outcome, error]),
        }
    }
}

/// What is told of a command that has led to something.
struct Done {
    repeated: bool,
    events: usize,
    attempts: u32,
    position: u64,
}

impl Done {
    fn outcome(&self) -> &'static str {
        match self {
            Self { repeated: true, .. } => "repeated",
            Self { events: 0, .. } => "unchanged",
            _ => "written",
        }
    }
}

fn outcome_of<E: Error + 'static>(error: &ExecuteError<E>) -> &'static str {
    match error {
        ExecuteError::Rejected(_) | ExecuteError::SequenceMismatch { .. } => "rejected",
        ExecuteError::NotVisible { .. } => "written",
        _ => "failed",
    }
}

/// Nothing for what is an answer and no failure.
fn error_type<E: Error + 'static>(error: &ExecuteError<E>) -> Option<&'static str> {
    Some(match error {
        ExecuteError::Rejected(_) | ExecuteError::SequenceMismatch { .. } => return None,
        ExecuteError::Contention { .. } => "contention",
        ExecuteError::CommandIdReused { .. } => "command_id_reused",
        ExecuteError::Unknown { .. } => "unknown_outcome",
        ExecuteError::Unavailable { .. } => "unavailable",
        ExecuteError::Closed { .. } => "closed",
        ExecuteError::Invalid(_) => "invalid",
        ExecuteError::Load(error) => load_error_type(error),
        ExecuteError::NoReadModels { .. } => "no_read_models",
        ExecuteError::NotVisible { .. } => "not_visible",
    })
}

pub(crate) fn load_error_type(error: &LoadError) -> &'static str {
    match error {
        LoadError::Invalid(_) => "invalid",
        LoadError::SequenceAhead { .. } => "sequence_ahead",
        LoadError::Read(_) => "log_unreadable",
        LoadError::Decode(_) => "undecodable",
    }
}

//! What a store tells about its batches.

use tracing::Span;
use tracing::field::Empty;

use super::span::{Role, field};
use super::{SPAN_LINKS_MAX, Stopwatch, TARGET, attribute, fail, metric, span};
use crate::position::Position;

/// Where an append comes from, and since when it waits for its turn.
#[derive(Debug)]
pub struct Origin {
    span: Span,
    waiting: Stopwatch,
}

impl Origin {
    /// The span of the append that the caller makes, if it is in one, and now.
    #[must_use]
    pub fn here() -> Self {
        let span = Span::current();
        let is_append = span
            .metadata()
            .is_some_and(|it| it.target() == TARGET && it.name() == span::APPEND.name);
        let span = if is_append { span } else { Span::none() };
        Self { span, waiting: Stopwatch::start() }
    }
}

/// A batch that a store is writing.
#[derive(Debug)]
pub struct WritingBatch {
    /// What covers it; the writing itself happens inside.
    pub span: Span,
    watch: Stopwatch,
    system: &'static str,
}

impl WritingBatch {
    /// A batch of these appends, oldest first, with so many events, in the database that the
    /// conventions call `system`; so many appends stay waiting.
    ///
    /// Where none of the appends comes from a span, it has none either: nobody would find it.
    pub fn begin<'a>(
        system: &'static str,
        origins: impl ExactSizeIterator<Item = &'a Origin>,
        events: usize,
        left: usize,
    ) -> Self {
        let appends = origins.len();
        let labels = [(attribute::DB_SYSTEM, system)];
        let mut origins = origins.peekable();
        if let Some(oldest) = origins.peek() {
            oldest.waiting.stop(&metric::QUEUE_WAIT, &labels);
        }
        let mut traced = origins
            .map(|it| &it.span)
            .filter(|it| !it.is_disabled())
            .take(SPAN_LINKS_MAX)
            .peekable();
        let span = match traced.peek() {
            Some(_) => batch_span(system, appends, events),
            None => Span::none(),
        };
        for origin in traced {
            span.follows_from(origin);
        }
        metric::BATCH_APPENDS.count(appends as u64, &labels);
        metric::BATCH_EVENTS.count(events as u64, &labels);
        metric::QUEUE_DEPTH.count(left as u64, &labels);
        Self { span, watch: Stopwatch::start(), system }
    }

    /// It has ended, with an error if there is one, and so does the log as far as is known here.
    pub fn ended(&self, head: Position, error_type: Option<&'static str>) {
        self.span.record(attribute::POSITION.name, head.get());
        fail(&self.span, error_type);
        self.watch.stop(&metric::BATCH_DURATION, &[(attribute::DB_SYSTEM, self.system)]);
    }
}

fn batch_span(system: &'static str, appends: usize, events: usize) -> Span {
    tracing::info_span!(
        target: TARGET,
        parent: None,
        span::WRITE_BATCH.name,
        { field::KIND } = Role::Client.as_str(),
        { attribute::DB_SYSTEM.name } = system,
        { attribute::DB_OPERATION.name } = "append",
        { attribute::DB_BATCH_SIZE.name } = appends,
        { attribute::APPEND_COUNT.name } = appends,
        { attribute::EVENT_COUNT.name } = events,
        { attribute::POSITION.name } = Empty,
        { attribute::ERROR_TYPE.name } = Empty,
        { field::STATUS } = Empty,
    )
}

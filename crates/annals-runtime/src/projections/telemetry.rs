//! What workers tell about themselves.

use std::collections::BTreeMap;

use annals_core::telemetry::span::{Role, field};
use annals_core::telemetry::{SPAN_LINKS_MAX, Stopwatch, TARGET, attribute, is_on, metric, span};
use annals_core::{
    ApplyError, BoxError, Clock, Generation, GenerationState, Position, RecordedEvent, SystemClock,
    TraceContext,
};
use chrono::TimeDelta;
use tracing::Span;
use tracing::field::Empty;

use crate::telemetry::fail;

/// How long traces go on with what is projected.
const FOLLOWED_FOR: TimeDelta = TimeDelta::minutes(10);

/// What the metadata of an event that was written in a trace has in it.
const TRACEPARENT: &str = "\"traceparent\"";

/// A batch on its way into the read model.
#[derive(Debug)]
pub(super) struct Projecting {
    projection: &'static str,
    pub(super) span: Span,
    is_begun: bool,
    /// The traces of the events that are being projected, as far as they are kept: what follows
    /// from an event is told of with what has written it. As many as a span can have links.
    origins: BTreeMap<Position, TraceContext>,
}

impl Projecting {
    /// Nothing was read yet.
    pub(super) fn new(projection: &'static str) -> Self {
        Self { projection, span: Span::none(), is_begun: false, origins: BTreeMap::new() }
    }

    /// These events are to be projected next.
    pub(super) fn read<'a>(
        &mut self,
        generation: &Generation,
        events: impl Iterator<Item = &'a RecordedEvent>,
    ) {
        let mut events = events.peekable();
        if events.peek().is_none() {
            return;
        }
        if !self.is_begun {
            self.span = self.begin(generation);
            self.is_begun = true;
        }
        if self.span.is_disabled() {
            return;
        }
        // Else a read model that is built would tell of traces that nobody follows any more, and
        // crowd out those of now.
        let since = SystemClock.now() - FOLLOWED_FOR;
        let events = events.filter(|event| event.timestamp > since);
        let room = SPAN_LINKS_MAX - self.origins.len();
        // All before the first span inside: whether the batch is kept depends on them.
        for (position, origin) in events.filter_map(kept_origin).take(room) {
            self.span.record(field::LINK, origin.traceparent());
            self.origins.insert(position, origin);
        }
    }

    fn begin(&self, generation: &Generation) -> Span {
        tracing::info_span!(
            target: TARGET,
            parent: None,
            span::PROJECT.name,
            { field::NAME } = %format_args!("{} {}", span::PROJECT.name, self.projection),
            { field::KIND } = Role::Consumer.as_str(),
            { field::LINK } = Empty,
            { field::STATUS } = Empty,
            { attribute::PROJECTION.name } = self.projection,
            { attribute::GENERATION.name } = %generation.key,
            { attribute::GENERATION_STATE.name } = state(generation),
            { attribute::EVENT_COUNT.name } = Empty,
            { attribute::POSITION.name } = Empty,
            { attribute::ERROR_TYPE.name } = Empty,
        )
    }

    /// Projects one of the events that were read.
    pub(super) fn process(
        &self,
        event: &RecordedEvent,
        project: impl FnOnce() -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let Some(origin) = self.origins.get(&event.position) else { return project() };
        let span = tracing::info_span!(
            target: TARGET,
            parent: &self.span,
            span::PROCESS.name,
            { field::NAME } = %format_args!("{} {}", span::PROCESS.name, event.event_type),
            { field::KIND } = Role::Consumer.as_str(),
            { field::LINK } = origin.traceparent(),
            { field::STATUS } = Empty,
            { attribute::PROJECTION.name } = self.projection,
            { attribute::EVENT_TYPE.name } = event.event_type.as_str(),
            { attribute::AGGREGATE_TYPE.name } = event.stream.aggregate_type(),
            { attribute::AGGREGATE_ID.name } = event.stream.aggregate_id(),
            { attribute::POSITION.name } = event.position.get(),
            { attribute::ERROR_TYPE.name } = Empty,
        );
        let projected = span.in_scope(project);
        if projected.is_err() {
            fail(&span, Some(REJECTED));
            fail(&self.span, Some(REJECTED));
        }
        projected
    }

    /// The transaction of a batch of so many events up to `to` has ended.
    pub(super) fn applied(
        &self,
        generation: &Generation,
        (events, to): (usize, Position),
        watch: &Stopwatch,
        result: &Result<(), ApplyError>,
    ) {
        let error = result.as_ref().err().map(error_type);
        self.span.record(attribute::EVENT_COUNT.name, events);
        self.span.record(attribute::POSITION.name, to.get());
        fail(&self.span, error);
        if !is_on() || events == 0 {
            return;
        }
        let projection = (attribute::PROJECTION, self.projection);
        let state = (attribute::GENERATION_STATE, state(generation));
        match error {
            Some(error) => {
                let labels = [projection, state, (attribute::ERROR_TYPE, error)];
                watch.stop(&metric::PROJECTION_DURATION, &labels);
            }
            None => {
                watch.stop(&metric::PROJECTION_DURATION, &[projection, state]);
                metric::PROJECTION_EVENTS.count(events as u64, &[projection, state]);
            }
        }
    }
}

/// The error of an event that cannot be processed.
pub(super) const REJECTED: &str = "rejected";

fn error_type(error: &ApplyError) -> &'static str {
    match error {
        ApplyError::Fenced => "fenced",
        ApplyError::Rejected { .. } => REJECTED,
        _ => "unavailable",
    }
}

/// The trace that an event was written in, if it is kept.
fn kept_origin(event: &RecordedEvent) -> Option<(Position, TraceContext)> {
    // Looking costs a tenth of reading, and most have none.
    let has_trace = event.metadata.as_str().contains(TRACEPARENT);
    let origin: TraceContext = has_trace.then(|| event.metadata.read().ok())??;
    origin.is_sampled().then_some((event.position, origin))
}

pub(super) fn state(generation: &Generation) -> &'static str {
    match generation.state {
        GenerationState::Building => "building",
        GenerationState::Held => "held",
        GenerationState::Serving => "serving",
        GenerationState::Retained => "retained",
    }
}

/// A projection has stumbled.
pub(super) fn stumbled(projection: &'static str, error_type: &'static str) {
    let projection = (attribute::PROJECTION, projection);
    metric::PROJECTION_ERRORS.count(1, &[projection, (attribute::ERROR_TYPE, error_type)]);
}

/// A projection that had waited has read this event first.
pub(super) fn woken_by(projection: &'static str, event: &RecordedEvent) {
    if is_on() {
        let late = SystemClock.now().signed_duration_since(event.timestamp);
        let seconds = late.to_std().unwrap_or_default().as_secs_f64();
        metric::WAKEUP_LATENCY.measure(seconds, &[(attribute::PROJECTION, projection)]);
    }
}

//! A `tracing` span as a span of OpenTelemetry.

use std::sync::Arc;

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

use crate::fields::Fields;

/// A span among the extensions of its `tracing` span.
#[derive(Debug)]
pub(crate) struct Traced {
    state: State,
    /// What came with the request, in the form of its header.
    pub(crate) baggage: Option<Arc<str>>,
    /// Given to the SDK at the end, because it keeps each value that one is given.
    attributes: Vec<KeyValue>,
}

#[derive(Debug)]
enum State {
    /// Not begun yet as far as the SDK knows: whether it is kept depends on its links, which may
    /// still come.
    Pending(Pending),
    Begun(Span),
    /// Part of a trace that is not kept, where the context of the parent stands for all.
    Dropped(SpanContext),
}

#[derive(Debug)]
struct Pending {
    builder: SpanBuilder,
    parent: SpanContext,
    tracer: SdkTracer,
}

impl Traced {
    /// A span that begins with what `builder` holds.
    pub(crate) fn new(
        tracer: &SdkTracer,
        builder: SpanBuilder,
        parent: SpanContext,
        baggage: Option<Arc<str>>,
    ) -> Self {
        let pending = Pending { builder, parent, tracer: tracer.clone() };
        Self { state: State::Pending(pending), baggage, attributes: Vec::new() }
    }

    /// A span inside one that is not kept.
    pub(crate) fn dropped(parent: SpanContext, baggage: Option<Arc<str>>) -> Self {
        Self { state: State::Dropped(parent), baggage, attributes: Vec::new() }
    }

    /// Its context, by which others refer to it. It begins at the latest now.
    pub(crate) fn context(&mut self) -> &SpanContext {
        self.begin();
        match &self.state {
            State::Begun(span) => span.span_context(),
            State::Dropped(context) => context,
            State::Pending(pending) => &pending.parent,
        }
    }

    /// Has the SDK decide whether it is kept.
    pub(crate) fn begin(&mut self) {
        if let State::Pending(pending) = &mut self.state {
            let parent = if pending.parent.is_valid() {
                Context::new().with_remote_span_context(pending.parent.clone())
            } else {
                Context::new()
            };
            let builder = std::mem::take(&mut pending.builder);
            self.state = State::Begun(pending.tracer.build_with_context(builder, &parent));
        }
    }

    pub(crate) fn link(&mut self, context: SpanContext) {
        match &mut self.state {
            State::Pending(pending) => {
                let links = pending.builder.links.get_or_insert_with(Vec::new);
                links.push(Link::with_context(context));
            }
            State::Begun(span) => span.add_link(context, Vec::new()),
            State::Dropped(_) => {}
        }
    }

    /// Takes fields that were recorded later.
    pub(crate) fn record(&mut self, fields: Fields) {
        if let Some(link) = fields.link {
            self.link(link);
        }
        if fields.is_error {
            self.begin();
        }
        if self.is_dropped() {
            return;
        }
        for attribute in fields.attributes {
            match self.attributes.iter_mut().find(|it| it.key == attribute.key) {
                Some(earlier) => *earlier = attribute,
                None => self.attributes.push(attribute),
            }
        }
        match &mut self.state {
            State::Pending(pending) => {
                if let Some(name) = fields.name {
                    pending.builder.name = name.into();
                }
            }
            State::Begun(span) => {
                if let Some(name) = fields.name {
                    span.update_name(name);
                }
                if fields.is_error {
                    span.set_status(Status::error(""));
                }
            }
            State::Dropped(_) => {}
        }
    }

    /// Whether it is already known that nobody will see it.
    pub(crate) fn is_dropped(&self) -> bool {
        match &self.state {
            State::Pending(_) => false,
            State::Begun(span) => !span.is_recording(),
            State::Dropped(_) => true,
        }
    }

    pub(crate) fn end(mut self) {
        self.begin();
        if let State::Begun(mut span) = self.state {
            span.set_attributes(self.attributes);
            span.end();
        }
    }
}
